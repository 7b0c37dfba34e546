"""A network operator to test a subscriber with: CAMARA subscriptions, status queries and tokens.

`dialects` lists the differences of the versions, `creation` reads requests, `documents` writes
responses, `events` the notifications: pure. `operator` keeps the subscriptions, `deliveries` sends
to the sinks, `tokens` and `access` authenticate clients, `answers` sends what a fault leaves of an
answer, `api` and `app` are the HTTP.
"""
