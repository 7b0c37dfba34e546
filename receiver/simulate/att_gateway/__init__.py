"""AT&T's API gateway to test a polling client with: tokens, Get SMS, statuses, In-App Messaging.

`sms`, `in_app` and `oauth` are its APIs; `gateway` has their state, `app` and `api` their HTTP.
`transfer` sends answers, wholly or not, and `handover` notes how far each came; from these
`records` counts where every accepted message is, and `verdict` compares that with what the client
published. `faults` says what goes wrong, `control` is what a test orders.
"""
