"""A carrier gateway to test a receiver with: AT&T and a CAMARA operator, from a seeded scenario.

`plan` decides what is sent, `rules` what a response makes the carrier do next, `verdict` what the
run came to: pure, so the same seed gives the same run. `http_client`, `gateway` and `reader` do the
I/O.
"""
