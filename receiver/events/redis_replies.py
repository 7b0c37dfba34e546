"""What a `Consumer` makes of the replies and refusals of Redis."""

from typing import Any, Final

_PASSING: Final = ("UNBLOCKED ", "NOREPLICAS ", "MISCONF ", "BUSY ")
"""How replies begin that refuse everything for a while: the server becomes a replica or misses one,
its disk is full, or a script runs."""


def passes(error: Exception) -> bool:
    """Return whether nobody answers, or the server refuses everything for a while."""
    import redis

    if isinstance(error, redis.AuthenticationError):
        return False
    down = (redis.ConnectionError, redis.TimeoutError, redis.ReadOnlyError)
    return isinstance(error, (*down, redis.exceptions.MasterDownError)) or str(error).startswith(
        _PASSING
    )


def word(error: Exception) -> str:
    """Return the first word of what a server refuses with, else the name of the error."""
    said = str(error)
    return said.partition(" ")[0] if said.startswith(_PASSING) else type(error).__name__


def order(entry: str) -> tuple[int, ...]:
    """Return what tells the order of two entries of a stream."""
    return tuple(map(int, entry.split("-")))


def text(value: Any) -> str:
    """Return a name or an id as text, whether the client decodes it or not."""
    return value.decode() if isinstance(value, bytes) else str(value)
