"""Subscribers' mailboxes (In-App Messaging), read and changed with their consent.

`consents` keeps the consents, `consent_token` the access tokens they give; `api` makes requests and
`shapes` reads their answers. `mailbox` does one round after another: `follow` along the deltas,
`relist` where there is none to follow.
"""
