"""A carrier gateway to test a receiver with: AT&T and a CAMARA operator, from a seeded scenario.

`plan` says what is sent, `rules` what an answer makes the carrier do next, `account` what it
all came to: pure, so the same seed gives the same run. `wire`, `gateway` and `reader` do the I/O.
"""
