"""Keeps the subscriptions that `receiver.toml` declares alive at the operators.

`controller` is the process, one per operator. `desired` says what is wanted, `decide` what to do
next with one slot; `creating` and `ending` do it, `store` writes each step down in one script.
`wire` knows the versions of the API, `verdicts` what an answer means.
"""
