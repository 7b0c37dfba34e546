"""The live tail: one reader of Redis for all viewers, while somebody looks."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final

import redis
import structlog
from starlette.concurrency import run_in_threadpool

from receiver.console.live_batch import QUEUED, Batch, Position, Viewer
from receiver.console.live_open import Opened
from receiver.console.mask import Masks
from receiver.console.rows import STREAMS, Row, row
from receiver.contract.entry_ids import order
from receiver.contract.redis_keys import GROUP, INBOUND
from receiver.operations.look import FIRST, Look, last_delivered, more
from receiver.runtime.logs import Seldom
from receiver.runtime.redis_errors import DOWN

MOST_VIEWERS: Final = 50
HISTORY: Final = 500
"""Rows of the past that a viewer gets at most."""
COUNTED: Final = 5_000
"""Entries beyond those that are counted one by one: Redis sends each of them whole."""
BLOCK: Final = 1_000
GATHER: Final = 0.2
"""Seconds in which rows are gathered before the next read: nobody sees it, each row would else be a
read of its own, and most notifications come with what became of them."""
AGAIN_AFTER: Final = 1.0
PENDING: Final = 5_000
"""Entries with workers that are looked at in one go."""
SETTLE_AFTER: Final = 2_000
"""Milliseconds after which a notification that made no event is looked up: it repeats another."""

_seldom = Seldom(structlog.get_logger())


class TooMany(Exception):
    """As many look already as may."""


class Live:
    """Reads for all viewers of this process, and only while there is one."""

    def __init__(self, client: redis.Redis, masks: Masks) -> None:
        self._client = client
        self._masks = masks
        self._viewers: set[Viewer] = set()
        self._task: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._position: Position = {}
        self._at_once = FIRST
        """Entries of each stream that the next read may have."""
        self._opened = Opened()
        self.away = False
        """Whether Redis does not answer: what comes is read once it does."""

    async def watch(self, after: Position) -> AsyncIterator[Batch | None]:
        """Yield what came after a position and goes on coming; None now and then, when nothing
        does. Raises `TooMany` and `redis.RedisError`.
        """
        if len(self._viewers) >= MOST_VIEWERS:
            raise TooMany
        viewer = Viewer()
        self._viewers.add(viewer)
        try:
            await self._start()
            viewer.drop()  # what came up to here is in what follows
            upto = dict(self._position)
            first = await run_in_threadpool(self.since, after, upto)
            self._opened.take(first.rows)
            yield first
            while True:
                yield await viewer.next()
        finally:
            self._viewers.discard(viewer)
            if not self._viewers and self._task:
                self._task.cancel()
                self._task = None
                # Nobody will have read what became of those; a read that goes on still has them.
                self._opened = Opened()

    async def _start(self) -> None:
        """Start the reader, unless there is one; who comes meanwhile waits for it."""
        async with self._starting:
            if self._task is None or self._task.done():
                self._position = await run_in_threadpool(self.now)
                self.away = False
                self._task = asyncio.create_task(self._read())

    def now(self) -> Position:
        """Return where the streams end. Raises `redis.RedisError`."""
        pipe = self._client.pipeline(transaction=False)
        for stream in STREAMS:
            pipe.xrevrange(stream, count=1)
        found: list[Any] = pipe.execute()
        return {
            stream: last[0][0].decode() if last else "0-0"
            for stream, last in zip(STREAMS, found, strict=True)
        }

    def since(self, after: Position, upto: Position, count: int = HISTORY) -> Batch:
        """Return the newest rows between two positions, the oldest first, at most so many of each
        stream. Those beyond them were skipped, for somebody who had a position to go on from.
        Raises `redis.RedisError`.
        """
        rows: list[Row] = []
        skipped = 0
        for stream in STREAMS:
            first = f"({after[stream]}" if stream in after else "-"
            if stream in after and order(after[stream]) >= order(upto[stream]):
                continue
            look = Look(self._client, count)
            for page in look.back(stream, upto[stream], first=first):
                rows += self._rows(stream, page)
            if stream in after and stream in look.reached:
                skipped += self._count(stream, look.reached[stream], first, COUNTED - skipped)
        rows.sort(key=lambda one: order(one.entry))
        at_least, over = skipped >= COUNTED, max(0, len(rows) - HISTORY)
        return Batch(rows[over:], upto, skipped + over if after else 0, at_least=at_least)

    def _count(self, stream: str, before: str, first: str, most: int) -> int:
        """Return how many entries there are between two; at most `most`."""
        if most <= 0:
            return 0
        return sum(map(len, Look(self._client, most).back(stream, f"({before}", first=first)))

    async def _read(self) -> None:
        while True:
            try:
                found = await run_in_threadpool(self._next, dict(self._position), self._opened)
            except DOWN as error:
                _seldom.say("warning", "console.redis_away", error=type(error).__name__)
                self._tell(away=True)
                await asyncio.sleep(AGAIN_AFTER)
                continue
            self._tell(away=False)
            rows, position, left = found
            self._position = position  # with the rows, in one step of the loop: none comes twice
            batch = Batch(rows, position)
            for viewer in self._viewers if rows else ():
                viewer.add(batch)
            if rows and not left:
                await asyncio.sleep(GATHER)

    def _tell(self, *, away: bool) -> None:
        """Have all viewers hear whether Redis answers, where that has changed."""
        for viewer in self._viewers if away != self.away else ():
            viewer.wake()
        self.away = away

    def _next(self, position: Position, opened: Opened) -> tuple[list[Row], Position, bool]:
        """Return what came since a position, after at most a second, the one after it, and whether
        there is more. Raises `redis.RedisError`.
        """
        rows, left = self._read_on(position, min(self._at_once, QUEUED), BLOCK)
        opened.take(rows)
        # What became of those kept long ago may be among what is left.
        settled = [] if left else self._settled(opened)
        if settled:
            # A worker publishes before it is done: what it did since the read is there now.
            later, left = self._read_on(position, QUEUED, None)
            opened.take(later)
            rows += later
        ended = [] if left else opened.end(settled)
        return rows + [_duplicate(one) for one in ended], position, left

    def _read_on(self, position: Position, count: int, block: int | None) -> tuple[list[Row], bool]:
        """Move a position on; return what came since it, at most so many of each stream, and
        whether there is more: of that the next read has as many as their size allows.
        """
        streams: Any = position
        found: Any = self._client.xread(streams, count=count, block=block) or []
        rows: list[Row] = []
        largest, left = 0, False
        for name, entries in found:
            stream = name.decode()
            position[stream] = entries[-1][0].decode()
            rows += self._rows(stream, ((entry.decode(), fields) for entry, fields in entries))
            size = sum(len(value) for _, fields in entries for value in fields.values())
            largest, left = max(largest, size), left or len(entries) == count
        self._at_once = more(count, largest, QUEUED) if left else FIRST
        return rows, left

    def _rows(self, stream: str, entries: Iterable[Any]) -> list[Row]:
        made = (row(stream, entry, fields, self._masks) for entry, fields in entries)
        return [one for one in made if one]

    def _settled(self, opened: Opened) -> list[Row]:
        """Return those kept long ago whose worker is done with them."""
        if not opened:
            return []
        now: Any = self._client.time()
        old = opened.received_before(now[0] * 1000 - SETTLE_AFTER)
        return self._done(old) if old else []

    def _done(self, rows: list[Row]) -> list[Row]:
        """Return those that a worker has taken and is done with."""
        last = last_delivered(self._client, INBOUND, GROUP) or "0-0"
        taken = [one for one in rows if order(one.entry) <= order(last)]
        if not taken:
            return []
        first, end = (pick(taken, key=lambda one: order(one.entry)).entry for pick in (min, max))
        pending: Any = self._client.xpending_range(INBOUND, GROUP, first, end, PENDING)
        held = {each["message_id"].decode() for each in pending}
        if len(pending) == PENDING:  # of those after them nothing is known yet
            known = order(pending[-1]["message_id"].decode())
            taken = [one for one in taken if order(one.entry) <= known]
        return [one for one in taken if one.entry not in held]


def _duplicate(one: Row) -> Row:
    """Return the row of what was kept, made no event and so repeats one."""
    return Row(one.receipt, one.at, "duplicate", one.what, one.listener, entry=one.entry)
