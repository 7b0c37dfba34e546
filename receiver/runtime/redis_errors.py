"""Errors of Redis: which ones mean that it is down, and what may be said of one."""

from collections.abc import Callable
from typing import Final, TypeVar

from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import TimeoutError as NoAnswer

T = TypeVar("T")
Otherwise = TypeVar("Otherwise")

DOWN: Final = (RedisError, OSError, TimeoutError)
"""What a Redis in trouble may raise."""
DOWN_ON_THE_LOOP: Final = (*DOWN, RuntimeError)
"""And what uvloop adds, for a write on a line that was reset while nobody looked."""
_NOT_LET_IN: Final = (AuthenticationError, AuthorizationError)
"""To redis-py these are lines that were lost."""


_OF_ALL_KEYS: Final = frozenset(
    {"OutOfMemoryError", "ReadOnlyError", "MISCONF", "NOREPLICAS", "BUSY", "UNKILLABLE"}
    | {"MasterDownError", "ClusterDownError"}
)


def is_of_all_keys(error: Exception) -> bool:
    """Return whether a server that refuses this would refuse it of any other key too."""
    return refusal(error) in _OF_ALL_KEYS


_PASSING: Final = frozenset({"UNBLOCKED", "BUSY", "MasterDownError"})


def is_outage(error: Exception) -> bool:
    """Return whether a read that failed like this is to be tried again: nobody answers, or a server
    that is just made a replica, has lost its master or runs a long script.
    """
    if isinstance(error, AuthenticationError):
        return False
    return isinstance(error, NoConnection | NoAnswer) or refusal(error) in _PASSING


def is_foreign(error: Exception) -> bool:
    """Return whether a key has another type than ours: another program has written there."""
    return isinstance(error, ResponseError) and "WRONGTYPE" in _said(error)


def unless_foreign(read: Callable[[], T], otherwise: Otherwise) -> T | Otherwise:
    """Return what `read` returns, or `otherwise` where a key that it reads has another type."""
    try:
        return read()
    except ResponseError as error:
        if not is_foreign(error):
            raise
        return otherwise


_WRONG_ADDRESS: Final = {
    "DB index is out of range": "it has no database of that number",
    "unknown command 'SENTINEL'": "that is no Sentinel, which is on another port, such as 26379",
}


def address_fault(error: Exception) -> str:
    """Return what is wrong with the address where a server refuses because of it; else empty."""
    said = _said(error) if isinstance(error, ResponseError) else ""
    return next((words for begin, words in _WRONG_ADDRESS.items() if said.startswith(begin)), "")


def message(error: Exception) -> str:
    """Return the message of a Redis error for people; redis-py prints its own objects when Sentinel
    fails, and a server that wants a password says so in the terms of its protocol.
    """
    if isinstance(error, _NOT_LET_IN):
        return (
            "it does not take this user and password: REDIS_URL=redis://USER:PASSWORD@HOST:PORT/0"
        )
    return address_fault(error) or _said(error).partition(" : <")[0].rstrip(".")


def is_refusal(error: Exception) -> bool:
    """Return whether a server answers, and does not do what it is asked."""
    return isinstance(error, (ResponseError, *_NOT_LET_IN))


def in_words(error: Exception) -> str:
    """Return in words whether nobody answers, or what a server says that refuses."""
    if is_refusal(error):
        return f"Redis refuses: {message(error)[:300]}"
    return "Redis does not answer"


def refusal(error: Exception) -> str:
    """Return the error code of a server's error reply, such as `OOM`: from redis-py's class where
    it has one, else the reply's first word.

    An entry's or a user's words are in none of them.
    """
    if type(error) is ResponseError:
        return _said(error).partition(" ")[0]
    return type(error).__name__


def _said(error: Exception) -> str:
    """Return what the server said: for a command of a pipeline redis-py puts the command before it,
    and its arguments, which may be anybody's words.
    """
    return str(error).rpartition(" of pipeline caused error: ")[2]
