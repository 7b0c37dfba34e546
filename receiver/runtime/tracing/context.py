"""W3C Trace Context: whose child a span is, as senders say it and as we carry it along.

A context travels as one text, the `traceparent` and, after a blank, the `tracestate` if there is
one. Only what keeps the recommendation's grammar is taken; all else is as if it were not there.
"""

import re
from collections.abc import Sequence
from typing import Final

STATE_CHARACTERS: Final = 512
"""The longest `tracestate` that must be passed on (section 3.3.1.5); a longer one is dropped."""
STATE_MEMBERS: Final = 32
_PARENT: Final = re.compile(
    "(?!ff)([0-9a-f]{2})-((?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2})(-[ -~]{0,200})?"
)
"""Section 3.2.2; versions to come may add to what version 00 has, and are read as that."""
_OURS: Final = re.compile("00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}").fullmatch
"""A context without a `tracestate`, as `context` returns it."""
_MEMBER: Final = re.compile(
    "([a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
    "=[ -+.-<>-~-]{0,255}[!-+.-<>-~-]"
)


def sent(headers: Sequence[tuple[bytes, bytes]]) -> str:
    """Return the trace context of a request's headers; empty without a valid one, or with more than
    one.
    """
    parents = []
    for name, value in headers:  # of each request, and most have none
        if name == b"traceparent":
            parents.append(value)
    if len(parents) != 1:
        return ""
    state = b",".join(value for name, value in headers if name == b"tracestate")
    return context(parents[0].decode("latin-1"), state.decode("latin-1"))


def carried(text: str) -> str:
    """Return the context that was carried as one text; empty for an invalid one, for it has been in
    Redis meanwhile.
    """
    if _OURS(text):
        return text
    return context(*text.split(" ", 1)) if text else ""


def context(parent: str, state: str = "") -> str:
    """Return `traceparent` and `tracestate` as one text; empty where the first is invalid. Never
    raises.
    """
    found = _PARENT.fullmatch(parent.strip(" \t"))
    if not found or (found[1] == "00" and found[3]):
        return ""
    return f"00-{found[2]} {_state(state)}".rstrip() if state else f"00-{found[2]}"


def _state(text: str) -> str:
    """Return a valid `tracestate` without empty members and blanks; empty for another."""
    if len(text) > STATE_CHARACTERS:
        return ""
    members = [member for part in text.split(",") if (member := part.strip(" \t"))]
    names = {member.partition("=")[0] for member in members}
    whole = len(names) == len(members) <= STATE_MEMBERS and all(map(_MEMBER.fullmatch, members))
    return ",".join(members) if whole else ""
