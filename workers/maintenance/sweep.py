"""The sweep: every few seconds, ring for open inbound entries, and trim the histories."""

import time
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import redis
import structlog

from receiver.config.settings import HISTORY_PERCENT, Reader, RedisStreamSink, SinkSettings
from receiver.contract.redis_keys import (
    DEAD_LETTER_OWNERS,
    DEAD_LETTERS,
    DELIVERIES,
    EVENTS,
    GROUP,
    IDENTITIES,
    INBOUND,
    LEDGER,
    MARKS,
    POSITIONS,
    REJECTED,
    SINKS,
    forward_group,
)
from receiver.runtime import scripts
from receiver.runtime.redis_errors import unless_foreign
from workers import bell, second_clock
from workers.maintenance import reader_share
from workers.maintenance.steps import Steps

log = structlog.get_logger()

EVERY: Final = 3.0
"""Seconds between two sweeps: the longest that work waits when nobody has rung for it."""
DAY: Final = 24 * 3600 * 1000
AT_ONCE: Final = 2_000
"""Entries that one call trims: a few milliseconds in which the server does nothing else."""
TRIM_SECONDS: Final = 1.0
"""One sweep stops trimming after this long; the next one goes on."""
_NO_LIMIT: Final = 2**53 - 1


class History(msgspec.Struct, frozen=True):
    """Say how much of one stream is kept after its entries were processed."""

    name: str
    """Its name in the ledger: `<name>_trimmed`, `<name>_unread_trimmed`."""
    stream: str
    milliseconds: int = _NO_LIMIT
    entries: int = _NO_LIMIT
    held_by: tuple[str, ...] = ()
    """Consumer groups that hold entries until they acknowledge them; `x*` are all that begin so."""
    counts: str = LEDGER
    """The hash that counts what was trimmed."""
    owners: str = ""
    """Where `entries` are those of each owner: the hash of the owners."""


HISTORIES: Final = (
    History("inbound", INBOUND, DAY, held_by=(GROUP,)),
    History("events", EVENTS, 7 * DAY, 1_000_000, (forward_group("*"),)),
    History("dead", DEAD_LETTERS, 30 * DAY, 100_000, owners=DEAD_LETTER_OWNERS),
    History("rejected", REJECTED),  # the numbers of these two are kept where they are written
    History("deliveries", DELIVERIES, 30 * DAY),
)


def histories(sinks: Sequence[SinkSettings], url: str) -> tuple[History, ...]:
    """Return our histories and the streams that sinks fill on our own Redis.

    Those streams have bounds of their own, but not in bytes: they alone could fill the server, and
    ingest would answer 503 for ever.
    """
    streams = {
        sink.stream: History(f"{sink.name}:stream", sink.stream, counts=SINKS)
        for sink in sinks
        if isinstance(sink, RedisStreamSink) and sink.redis_url in (None, url)
    }
    return (*HISTORIES, *streams.values())


class Sweep:
    """Sweep for one supervisor; any number of supervisors may sweep at once."""

    def __init__(
        self,
        client: redis.Redis,
        kept: Sequence[History] = HISTORIES,
        readers: Sequence[Reader] = (),
        steps: Steps | None = None,
    ) -> None:
        self._client = client
        self._steps = steps or Steps()
        self._readers = readers
        self._kept = kept
        self._has_work = client.register_script(scripts.load(__package__, "inbound_has_work"))
        self._positions = client.register_script(scripts.load(__package__, "keep_positions"))
        self._forget = client.register_script(scripts.load(__package__, "forget_identities"))
        self._trim_script = client.register_script(scripts.load(__package__, "trim_history"))
        self._trim_owners = client.register_script(scripts.load(__package__, "trim_dead_letters"))

    def ring(self) -> None:
        """Ring if inbound entries are open. Raises `redis.RedisError`, also on a full server."""
        if self._has_work(keys=[INBOUND, MARKS], args=[GROUP]):
            bell.ring(self._client)

    def keep_positions(self) -> None:
        """Give consumer groups back what a server that was restarted has forgotten of them. Raises
        `redis.RedisError`.
        """
        if restored := self._positions(keys=[POSITIONS, INBOUND, EVENTS]):
            log.warning("groups.restored", groups=restored)

    def trim(self) -> None:
        """Trim the histories, which a full server accepts too. Raises `redis.RedisError`."""
        until = time.monotonic() + TRIM_SECONDS
        self._steps.take("forget identities", self._forget_identities, None)
        oldest = {history: self._shorten(history, until) for history in self._kept}
        while time.monotonic() < until and self._memory_is_short():
            spare = {history: at for history, at in oldest.items() if at >= 0}
            if not spare:
                return
            history = min(spare, key=lambda one: spare[one])
            _, oldest[history] = self._cut(history, spare=True)

    def _forget_identities(self) -> None:
        self._forget(keys=[IDENTITIES], args=[second_clock.local_time(), AT_ONCE])

    def _held_by_readers(self, history: History) -> History:
        """Return the history as the named readers hold it that are within their share."""
        if history.stream != EVENTS or not self._readers:
            return history
        within = reader_share.within(self._client, self._readers)
        return msgspec.structs.replace(history, held_by=(*history.held_by, *within))

    def _shorten(self, history: History, until: float) -> int:
        """Trim one history to its age and number; returns when the oldest left was written (ms)."""
        gone, oldest = self._cut(history)
        while gone and time.monotonic() < until:
            gone, oldest = self._cut(history)
        return oldest

    def _cut(self, history: History, *, spare: bool = False) -> tuple[int, int]:
        """Trim one history; one that cannot be trimmed stays as it is, and is reported."""

        def cut() -> tuple[int, int]:
            held = self._held_by_readers(history) if spare else history
            # A key of the company's own may stand where a sink's stream should be.
            return unless_foreign(lambda: self._cut_one(held, spare=spare), (0, -1))

        return self._steps.take(f"trim {history.name}", cut, (0, -1))

    def _cut_one(self, history: History, *, spare: bool) -> tuple[int, int]:
        if not history.owners:
            return self._cut_oldest(history, history.entries, spare=spare)
        gone, oldest = self._cut_oldest(history, _NO_LIMIT, spare=False)
        return (gone, oldest) if gone else self._cut_of_owners(history, spare=spare)

    def _cut_oldest(self, history: History, entries: int, *, spare: bool) -> tuple[int, int]:
        limits = [history.milliseconds, entries, AT_ONCE, int(spare), second_clock.local_time()]
        reply: Any = self._trim_script(
            keys=[history.stream, history.counts, MARKS],
            args=[history.name, *limits, *history.held_by],
        )
        return reply[0], reply[1]

    def _cut_of_owners(self, history: History, *, spare: bool) -> tuple[int, int]:
        """Trim what an owner has too much of, or the largest one's, once every owner is known."""
        until = time.monotonic() + TRIM_SECONDS / 2
        while True:
            reply: Any = self._trim_owners(
                keys=[history.stream, history.counts, history.owners],
                args=[history.entries, AT_ONCE, int(spare)],
            )
            gone, oldest, unknown = reply
            if not unknown or time.monotonic() > until:
                return gone, oldest

    def _memory_is_short(self) -> bool:
        memory: Any = self._client.info("memory")
        limit = memory.get("maxmemory") or float("inf")
        return bool(memory["used_memory"] > HISTORY_PERCENT / 100 * limit)
