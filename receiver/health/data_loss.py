"""Data loss in Redis, noticed and recorded: a Redis that has less than it acknowledged.

It comes back empty (its disk was not kept), or behind (an older copy, or a replica that had not
received everything and was promoted). There are two signs: the ledger has another name, or its
count of accepted notifications went backwards, for this process or since a web process of this
machine looked last. The smallest number that must be missing is recorded.
"""

import asyncio
import secrets
from collections.abc import Callable
from typing import Any, Final

import redis.asyncio
import structlog

from receiver.contract.redis_keys import BOOK, LEDGER, LOSSES
from receiver.contract.stored_values import whole
from receiver.health.memory import Memory
from receiver.runtime import scripts

log = structlog.get_logger()

KEPT_SECONDS: Final = 30 * 24 * 3600


class DataLoss:
    """Compare the ledger's count with what this process, or this machine, knew of it before.

    A life of the ledger is its name and the run of its server. A loss is recorded under the life
    whose notifications are missing: every process that knew that life, then or later, records its
    loss there.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._life: tuple[str, str] | None = None
        self._last: dict[object, int] = {}
        """Writer -> the ledger's count as last answered to it, since the last loss."""
        self._known = 0
        """The ledger's count, as last answered to an append or a look."""
        self._looked = 0
        """The same, at the last look."""
        self._dropped_from = 0
        self._dropped_by = 0
        self._unsaved = self._saving = False
        self.lost = 0
        """The notifications that are missing at least, as all web processes recorded."""

    def writer(self) -> Callable[[int], None]:
        """Return a callback by which one writer reports the ledger's count after each append."""
        name = object()
        return lambda accepted: self._saw(name, accepted)

    def _saw(self, writer: object, accepted: int) -> None:
        before = self._last.get(writer, 0)
        self._last[writer] = accepted
        if accepted < before:
            self._dropped_from = max(self._dropped_from, before)
            self._dropped_by = max(self._dropped_by, before - accepted)
            self._known = accepted
        self._known = max(self._known, accepted)

    async def look(self, client: redis.asyncio.Redis, run_id: str) -> None:
        """Compare the ledger with what was known. Raises one of `DOWN`, also for refused writes."""
        known = self._known
        name = secrets.token_hex(8)  # always a new one, or an emptied server would get the old
        found: Any = await client.set(BOOK, name, nx=True, get=True)
        accepted = whole(await client.hget(LEDGER, "accepted"))
        book = found.decode("ascii", "replace") if found else name
        if self._life is None:
            known = max(known, await self._remembered(book))
        missing = self._missing(book, known, accepted)
        ended = " ".join(self._life or (book, run_id))
        script = scripts.load(__package__, "record_loss")
        lost: Any = await client.eval(script, 1, LOSSES, ended, missing, KEPT_SECONDS)
        self.lost = sum(map(whole, lost))
        if missing > 0:
            log.critical("redis.lost", notifications=missing)
            self._known = accepted
            self._last.clear()  # counts answered before say nothing about those to come
        self._known = max(self._known, accepted)
        self._dropped_from = self._dropped_by = 0
        if (self._life, self._looked) != ((book, run_id), accepted):
            self._life, self._looked = (book, run_id), accepted
            self._unsaved = True
        if self._unsaved and not self._saving:
            self._saving = True
            asyncio.get_running_loop().run_in_executor(None, self._save)

    def _save(self) -> None:
        """Save what is known, in a thread: a slow disk of this machine is no trouble of Redis."""
        self._unsaved = False
        try:
            self.close()
        finally:
            self._saving = False

    def close(self) -> None:
        """Save what is known for the next start."""
        if self._life:
            self._memory.keep(*self._life, self._known)

    def _missing(self, book: str, known: int, accepted: int) -> int:
        if self._life and self._life[0] != book:
            return self._dropped_from or self._looked
        return max(self._dropped_by, known - accepted)

    async def _remembered(self, book: str) -> int:
        """Return the ledger's count that this machine knows from before this process; 0 if none."""
        found = await asyncio.to_thread(self._memory.of, book)
        if found is None:
            return 0
        self._life, self._looked = (found.book, found.run_id), found.accepted
        return found.accepted if found.book == book else 0


def loss_message(lost: int) -> str:
    """Return the message about a loss of so many notifications."""
    return (
        f"Redis came back without {lost} or more notifications that had been acknowledged; "
        "run `receiver losses clear` when you have dealt with it"
    )
