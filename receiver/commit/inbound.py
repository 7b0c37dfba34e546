"""The inbound stream, as the edge writes it: numbered batches, each appended once.

A batch is known by its flusher and its number. The script remembers the last number of each flusher
and skips what is not newer, so that a batch may be repeated at will: after a timeout, by a server
that had frozen and applies it late, from a spool long afterwards. That holds as long as a flusher's
batches come in the order of their numbers, and a later one only when the earlier ones are written
or given up.
"""

import asyncio
from collections.abc import Callable
from importlib.resources import files
from typing import Any, Final, NamedTuple

from redis.exceptions import ConnectionError as LineClosed
from redis.exceptions import NoScriptError

from receiver.commit.link import Link
from receiver.notification import BELL, INBOUND, LEDGER, REJECTED

REJECTED_KEPT: Final = 10_000
BELL_MILLISECONDS: Final = 5_000
"""How long a bell nobody answered keeps others from ringing; the sweep is as frequent."""


class Batch(NamedTuple):
    """What goes down together."""

    flusher: str
    number: int
    accepted: list[bytes]
    """Encoded notifications."""
    refused: list[bytes]
    """Encoded refusals."""


class Inbound:
    """Appends over one link; tells how many notifications the ledger has accepted by then."""

    def __init__(self, link: Link, ring: Callable[[], None], saw: Callable[[int], None]) -> None:
        self._link = link
        self._ring = ring
        self._saw = saw

    async def append(self, *batches: Batch) -> None:
        """Return when they are durable; all of one flusher, in order, all at once.

        Raises one of `DOWN`, like `Link.run`.
        """
        keys = [INBOUND, REJECTED, LEDGER, BELL, f"receiver:flusher:{batches[0].flusher}"]
        words: list[Any] = [BELL_MILLISECONDS, REJECTED_KEPT]
        for batch in batches:
            words += (batch.number, len(batch.accepted), len(batch.refused))
            words += batch.accepted
            words += batch.refused
        try:
            reply = await self._link.run(keys, words)
        except (LineClosed, ConnectionError, NoScriptError):
            # No outage yet: a restarted server closed the idle line, or forgot the script.
            reply = await self._link.run(keys, words)
        _, rang, accepted = reply
        self._saw(accepted)
        if rang:
            asyncio.get_running_loop().call_soon(self._ring)  # answers first

    async def end(self) -> None:
        """Let go of Redis."""
        await self._link.end()


def script() -> str:
    """The script a `Link` of the inbound stream runs."""
    return files("receiver.commit").joinpath("append.lua").read_text("utf-8")
