"""A network operator to test a subscriber with: CAMARA subscriptions, status queries and tokens.

`dialects` says how the versions differ, `creation` reads what is asked for, `documents` writes the
answers, `events` the notifications: pure. `operator` keeps the subscriptions, `deliveries` sends to
the sinks, `tokens` and `access` admit clients, `faults` goes wrong on order, `app` is the HTTP.
"""
