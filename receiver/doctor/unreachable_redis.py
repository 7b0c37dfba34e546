"""Explains why Redis cannot be examined, and what the spool holds meanwhile."""

from collections.abc import Iterator
from typing import Final

import redis

from receiver.doctor.finding import Finding
from receiver.runtime.redis_client import address
from receiver.runtime.redis_errors import address_fault, message, refusal

ASK: Final = 'redis-cli -u "$REDIS_URL" '
_NOT_EXAMINED: Final = "the rest of this examination was not possible"
_CREDENTIALS: Final = "REDIS_URL=redis://USER:PASSWORD@HOST:PORT/0  # then restart web and worker"


def explain_unreachable(url: str, error: Exception, waiting: str) -> Iterator[Finding]:
    """Explain why Redis could not be examined; `waiting` describes the spool, or is empty."""
    if waiting:
        yield Finding(
            "warning",
            waiting,
            "they are on this disk and nowhere else until Redis takes them",
            "leave disk and directory as they are, and start Redis again",
        )
    yield _refused(address(url), error)


def _refused(where: str, error: Exception) -> Finding:
    match error:
        case redis.exceptions.AuthenticationError() | redis.exceptions.AuthorizationError():
            what, fix = "refuses our user or password", _CREDENTIALS
        case redis.exceptions.NoPermissionError():
            what, fix = "refuses commands to this user", ASK + "ACL LOG 1"
        case redis.exceptions.BusyLoadingError():
            what, fix = "is still loading its data", ASK + "INFO persistence  # loading_eta_seconds"
        case redis.exceptions.ResponseError() if fault := address_fault(error):
            what, fix = f"answers: {fault}", "REDIS_URL=...  # then restart web and worker"
        case redis.exceptions.ResponseError():
            what, fix = f"answers, and refuses: {refusal(error)}", ASK + "PING  # then its log"
        case _:
            what, fix = f"is unreachable: {message(error) or type(error).__name__}", ASK + "PING"
    return Finding("serious", f"Redis ({where}) {what}", _NOT_EXAMINED, fix)
