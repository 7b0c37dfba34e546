"""Erasing a person's notifications in the spool of a web process, for `receiver erase`.

Each web process with a spool says in Redis that it has it, and looks there for a request.
"""

import asyncio
import contextlib
import secrets
import socket
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

import redis.asyncio
import structlog

from receiver.config.settings import Settings
from receiver.contract.records import (
    EraseSpooled,
    SpoolErased,
    decode_erase_spooled,
    encode,
)
from receiver.contract.redis_keys import ERASE_SPOOLED, ERASE_SPOOLED_SECONDS, LEDGER, SPOOLS
from receiver.contract.stored_values import UNREADABLE
from receiver.erasure.person import Person
from receiver.erasure.stores import names_in_notification, names_in_refusal
from receiver.intake.inbound_writer import Batch
from receiver.intake.spool import location, place
from receiver.intake.spool.changed_rows import Change
from receiver.intake.spool.drain import Drain
from receiver.intake.spool.spool import Spool, SpoolError
from receiver.runtime import scripts
from receiver.runtime.logs import Seldom
from receiver.runtime.redis_errors import DOWN_ON_THE_LOOP

log = structlog.get_logger()

EVERY: Final = 2.0
"""Seconds between two looks at Redis."""
_ANSWER_WITHIN: Final = 5.0
DRAINED_WITHIN: Final = 10.0
"""Seconds that a spool which is being drained gets for that: in Redis, erasing costs less."""


class OwnSpool:
    """The spool of one web process, as `receiver erase` reaches it."""

    def __init__(
        self, client: redis.asyncio.Redis, spool: Spool, drain: Drain, settings: Settings
    ) -> None:
        """Raises `ValueError` where the settings have no spool."""
        if settings.spool_dir is None:
            raise ValueError("there is no spool")
        self._client: Any = client
        self._spool = spool
        self._drain = drain
        self._directory: Path = settings.spool_dir
        self.settings = settings
        """By which numbers without a country code are read."""
        self._seldom = Seldom(log)
        self._answered = b""
        self._uncounted = 0
        """Notifications that are erased and not yet in the ledger."""
        self._counting = 0
        """Those of them that go there under the `_number`: whether they came is not known yet."""
        self._number = 0
        self._own = f"{SPOOLS}:{secrets.token_hex(8)}"
        self._tells = scripts.load(__package__, "tell_spool")

    async def run(self) -> None:
        """Look until cancelled. While Redis is away nothing is asked."""
        while True:
            try:
                await self.look()
            except DOWN_ON_THE_LOOP:
                pass  # the monitor says so
            except Exception as error:  # noqa: BLE001 - one bad look may not end all looking
                self._seldom.say("error", "erasing.fault", error=type(error).__name__)
            await asyncio.sleep(EVERY)

    async def look(self) -> None:
        """Look once: say that the spool is there, and do what is asked for. Raises one of
        `DOWN_ON_THE_LOOP`, and `OSError` of the disk.
        """
        name = await asyncio.to_thread(place.name, self._directory)
        async with asyncio.timeout(_ANSWER_WITHIN):
            request = await self._tell(name)
        if request and request != self._answered:
            await self._answer(name, request)

    async def close(self) -> None:
        """Take the spool, once it is closed and empty, out of the list, if Redis answers."""
        left = await asyncio.to_thread(location.look, self._directory)
        if left.depth.batches or left.damaged or left.unreadable:
            return
        with contextlib.suppress(*DOWN_ON_THE_LOOP, OSError):
            name = await asyncio.to_thread(place.name, self._directory)
            async with asyncio.timeout(_ANSWER_WITHIN):
                await self._client.hdel(SPOOLS, name)

    async def _answer(self, name: str, request: bytes) -> None:
        try:
            asked = decode_erase_spooled(request)
            person = Person([f"+{digits}" for digits in asked.digits], self.settings)
        except (*UNREADABLE, ValueError):
            self._answered = request  # of another version: whoever asks hears that nobody answers
            return
        gone: Counter[str] = Counter()
        trouble = ""
        await self._wait_for_drain()
        try:
            await self._erase(person, asked, gone)
            trouble = "; ".join(person.left)
        except (SpoolError, TimeoutError) as error:
            trouble = str(error) or "Redis does not take what it holds"
        files = self._spool.names
        rest = await asyncio.to_thread(place.rest, self._directory, files)
        said = SpoolErased(asked.name, gone["accepted"], gone["refused"], files, *rest, trouble)
        async with asyncio.timeout(_ANSWER_WITHIN):
            await self._tell(name, f"{name} {files[-1]}", encode(said))
        self._answered = request

    async def _wait_for_drain(self) -> None:
        until = time.monotonic() + DRAINED_WITHIN
        while self._spool.engaged and self._spool.flowing and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.1)

    async def _erase(self, person: Person, asked: EraseSpooled, gone: Counter[str]) -> None:
        async with asyncio.timeout(DRAINED_WITHIN):
            await self._drain.turn.acquire()
        try:
            change = _without(person)
            async for changes in self._spool.rewrite(change, dry_run=asked.dry_run):
                gone.update(accepted=changes.accepted, refused=changes.refused)
                self._uncounted += 0 if asked.dry_run else changes.accepted
        finally:
            self._drain.turn.release()

    async def _tell(self, name: str, *answer: str | bytes) -> bytes | None:
        """Say that the spool is there, count what is erased, and write an answer: its field and
        itself. Returns the request that stands there.
        """
        if not self._counting and self._uncounted:
            self._counting, self._uncounted = self._uncounted, 0
            self._number += 1
        keys = (SPOOLS, LEDGER, ERASE_SPOOLED, self._own)
        words = (name, socket.gethostname(), self._number, self._counting, ERASE_SPOOLED_SECONDS)
        request: Any = await self._client.eval(self._tells, len(keys), *keys, *words, *answer)
        self._counting = 0
        return request if isinstance(request, bytes) else None


def _without(person: Person) -> Change:
    """Return what takes a person's entries out of a batch. The batch stays, for its number."""

    def change(batch: Batch) -> Batch:
        return batch._replace(
            accepted=[one for one in batch.accepted if not names_in_notification(person, one)],
            refused=[one for one in batch.refused if not names_in_refusal(person, one)],
        )

    return change
