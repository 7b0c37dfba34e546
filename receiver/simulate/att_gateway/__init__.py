"""AT&T's API gateway to test a polling client with: tokens, Get SMS, statuses, In-App Messaging.

`inbox` keeps messages until they are read or expire, `pages` writes the answers, `transfer` sends
them, wholly or not, and `handover` notes how far each came; from these `records` counts where every
accepted message is, and `verdict` compares that with what the client published. `tokens` and
`access` authenticate clients, `faults` says what goes wrong, `control` is what a test orders, `app`
is the HTTP.
"""
