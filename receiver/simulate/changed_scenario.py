"""Changing the scenario of a simulated server while it runs."""

from typing import Any, TypeVar

import msgspec

S = TypeVar("S", bound=msgspec.Struct)


def changed(scenario: S, changes: dict[str, Any]) -> S:
    """Return the scenario with some values replaced, section by section, as in its file.

    Raises `msgspec.ValidationError`, and leaves the scenario as it was.
    """
    now: dict[str, Any] = msgspec.to_builtins(scenario)
    for name, value in changes.items():
        inner = now.get(name)
        now[name] = inner | value if isinstance(inner, dict) and isinstance(value, dict) else value
    return msgspec.convert(now, type(scenario))
