"""The outcomes of a request: an answer, or one of the two ways of having none."""

import re
import time
from typing import Any, Final

import msgspec
from msgspec import Struct

from receiver.runtime.retry_after import http_date, retry_after

_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}").fullmatch


def is_passing(status: int) -> bool:
    """Return whether a status asks to come again: it says nothing of what was asked for."""
    return status in (408, 425, 429) or status >= 500


class NotSent(Exception):
    """Nothing reached the other side: the request may safely be sent again.

    The message names what failed, never a URL's query, a header or a body.
    """


class Resting(NotSent):
    """The circuit breaker is open, or the operator asked for a pause (Retry-After)."""

    def __init__(self, reason: str, seconds: float) -> None:
        """`seconds` until the next attempt is worth making."""
        self.reason, self.seconds = reason, seconds
        super().__init__(f"{reason}; next attempt in {seconds:.0f} s")


class Unanswered(Exception):
    """The request was sent, and whether it was carried out is unknown: time-out, reset, half an
    answer.
    """


class Answer(Struct, frozen=True, kw_only=True):
    """A complete answer, whatever its status."""

    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def document(self) -> Any:
        """Return the body as JSON; None when it is none, which a 2xx with `null` looks like too."""
        try:
            return msgspec.json.decode(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def code(self) -> str:
        """Return CAMARA's error code (ErrorInfo); empty where the body is another, as at Nokia.

        Codes are stored and shown, so what is no word could be the device's number: it is no code.
        """
        found = self.document
        code = found.get("code") if isinstance(found, dict) else None
        return code if isinstance(code, str) and _CODE(code) else ""

    @property
    def seconds_ahead(self) -> int | None:
        """Return how far the clock of who answers is ahead of ours, by its Date (RFC 9110, 6.6.1),
        to a second; None where it has none that can be read.
        """
        date = http_date(self.headers.get("date", ""))
        return None if date is None else round(date - time.time())

    @property
    def retry_after(self) -> float | None:
        """Return the seconds, at most an hour, from either form of Retry-After (RFC 9110,
        10.2.3).
        """
        said, date = (self.headers.get(name, "") for name in ("retry-after", "date"))
        return retry_after(said, time.time(), date)
