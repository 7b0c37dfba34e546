"""Keeps the subscriptions that `receiver.toml` declares alive at the operators.

`controller` is the process, one for each operator. `desired` says what is wanted, `next_step` what
one slot needs next. `creation`, `refusals`, `unknown_attempts` and `ending` do it, `attempts` has
the transitions, and `store` writes each in one script. `api_versions` knows what differs between
the versions of the API, `creation_outcome` what an answer means.
"""
