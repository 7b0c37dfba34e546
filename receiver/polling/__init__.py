"""Fetches what is polled instead of pushed: the process behind `receiver poll`.

Reading a gateway's inbox removes what it hands out, so a page is on our disk before anything looks
at it, and reaches the inbound stream under a number of its own, exactly once. Behind that stream
nothing knows whether a notification was pushed or fetched.

How a kind of poll (`[[poll]] kind = …`) plugs in:

- Its settings are a class of `receiver.config.polls`.
- It is a module here with a `Kind` (`rounds`), whose `round` does one round of it, made in `kinds`.
  `poller` calls `round` when it is due, and holds the lease, the cadence, the pauses after
  failures, the rules while Redis is away, the state in Redis and the counts. A round that wants
  another pause than the cadence says so in `Round.again`; what it leaves under way, `finish` waits
  for.
- What it works with is its `Site`, or a `GatewaySite` (`rounds`) whose `pages.fetch` is one
  destructive GET by the page protocol; its `Fetched` says how it ended, once the page is in the
  inbound stream. What becomes of the body is the callback's to say (`records`), or a `judge` of the
  kind's own; what follows from a page before its file is removed is a line in `Shelf.follow_ups`.
  `shelf.append` stores notifications that were made of answers which removed nothing.
- Who we are at a gateway is an `Authentication` (`receiver.outbound`), made in `identity`.
- Its callback is pure and has no route: a line in `receiver.carriers.POLLED`.
"""
