"""The inbound stream, as the web process writes it: numbered batches, each appended once.

A batch is known by its flusher and its number. The script remembers the last number of each flusher
and skips what is not newer, so that a batch may be repeated at will: after a timeout, by a server
that had frozen and applies it late, from a spool long afterwards. That holds as long as a flusher's
batches come in the order of their numbers, and a later one only when the earlier ones are written
or given up.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from redis.exceptions import ConnectionError as ConnectionClosed
from redis.exceptions import NoScriptError, ResponseError

from receiver.contract.redis_keys import BELL, INBOUND, LEDGER, REJECTED
from receiver.intake.availability import Availability
from receiver.intake.redis_link import NotReplicated, RedisLink, Reply
from receiver.runtime import scripts
from receiver.runtime.redis_errors import refusal

REJECTED_KEPT: Final = 10_000
BELL_MILLISECONDS: Final = 5_000
"""How long a bell nobody answered keeps others from ringing; the sweep is as frequent."""
_OTHERS_MOST: Final = 64
"""How many times our own the appends of others may be since our last: more is a count that was set
by hand."""
_ENTRY_BYTES: Final = 64
_GRAIN: Final = 1.25
"""What a stream takes for an entry: its bytes, some more, and what the allocator rounds up."""


class Batch(NamedTuple):
    """Notifications and refusals that are appended together, under one flusher and number."""

    flusher: str
    number: int
    accepted: list[bytes]
    """Encoded notifications."""
    refused: list[bytes]
    """Encoded refusals."""


class Full(ResponseError):
    """Memory is short by what was appended since the monitor last looked: nothing was written."""


class Inbound:
    """Appends batches over one connection, and reports the ledger's count of accepted
    notifications.
    """

    def __init__(
        self,
        link: RedisLink,
        ring: Callable[[], None],
        saw: Callable[[int], None],
        availability: Availability | None = None,
    ) -> None:
        self._link = link
        self._ring = ring
        self._saw = saw
        self._availability = availability
        self._accepted = 0
        self.refusal = ""
        """How Redis refused the last append or probe; empty when it was taken."""
        self.answered = 0.0
        """When that was, by the monotonic clock."""

    async def append(self, *batches: Batch) -> None:
        """Return when they are durable; all of one flusher, in order, all at once.

        Raises one of `DOWN`, like `RedisLink.run`, and `Full`.
        """
        size = sum(map(_memory, batches))
        if self._availability and not self._availability.takes(size):
            raise Full(self._availability.closed)
        words: list[Any] = [BELL_MILLISECONDS, REJECTED_KEPT]
        for batch in batches:
            words += (batch.number, len(batch.accepted), len(batch.refused))
            words += batch.accepted
            words += batch.refused
        _, rang, accepted = await self._run(batches[0].flusher, words)
        self._saw(accepted)
        if self._availability:  # only now: what was not taken is tried again and again
            self._availability.spend(size + self._for_others(size, batches, accepted))
        self._accepted = accepted
        if rang:
            asyncio.get_running_loop().call_soon(self._ring)  # answers first

    async def probe(self) -> None:
        """Return when Redis would take a batch: the script itself says so, and writes nothing.

        Raises one of `DOWN`.
        """
        await self._run("probe", [BELL_MILLISECONDS, REJECTED_KEPT])

    async def _run(self, flusher: str, words: list[Any]) -> Reply:
        keys = [INBOUND, REJECTED, LEDGER, BELL, number_key(flusher)]
        try:
            try:
                reply = await self._link.run(keys, words)
            except (ConnectionClosed, ConnectionError, NoScriptError):
                # No outage yet: a restarted server has closed the connection, or lost the script.
                reply = await self._link.run(keys, words)
        except (ResponseError, NotReplicated) as error:
            self.refusal, self.answered = refusal(error), time.monotonic()
            raise
        self.refusal, self.answered = "", time.monotonic()
        return reply

    def wait_longer(self, most: float) -> None:
        """Have the next attempt after one that was not answered in time take twice as long, but for
        no more than so many seconds.
        """
        self._link.wait_longer(most)

    def give_up(self, batch: Batch) -> None:
        """Count the memory of a batch that will not be tried again, and may have been taken: its
        answer was lost.
        """
        if self._availability:
            self._availability.spend(_memory(batch))

    def _for_others(self, size: float, batches: tuple[Batch, ...], accepted: int) -> float:
        """Return the memory of what other processes have appended since our last batch: as many as
        the ledger says, and as large as ours.
        """
        mine = sum(len(batch.accepted) for batch in batches)
        came = accepted - self._accepted if self._accepted else 0
        return size * (came - mine) / mine if mine and mine < came <= _OTHERS_MOST * mine else 0

    async def end(self) -> None:
        """Close the connection for good."""
        await self._link.end()


def number_key(flusher: str) -> str:
    """Return the key of the number of a flusher's last batch."""
    return f"receiver:flusher:{flusher}"


def _memory(batch: Batch) -> float:
    entries = batch.accepted + batch.refused
    return _GRAIN * (sum(map(len, entries)) + _ENTRY_BYTES * len(entries))


def script() -> str:
    """Return the Lua script that appends batches to the inbound stream."""
    return scripts.load(__package__, "append")
