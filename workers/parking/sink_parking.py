"""Parking the events of one sink, and returning them: files first, then Redis, in one script."""

import os
import re
import secrets
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, Final

import msgspec
import redis
import structlog

from receiver.config.settings import SinkSettings
from receiver.contract.entry_ids import order
from receiver.contract.records import Delivery, encode
from receiver.contract.redis_keys import (
    EVENTS,
    MARKS,
    SINKS,
    forward_group,
    retry_due,
    retry_items,
    sink_parking,
)
from receiver.contract.stored_values import number, text, whole
from receiver.runtime import scripts
from receiver.runtime.server_time import server_time
from workers import bell, second_clock
from workers.forward.delivery_queue import lease_milliseconds
from workers.parking.erasing import Erasing
from workers.parking.memory_use import Use
from workers.parking.parked_files import ParkedFiles
from workers.parking.place import Place
from workers.parking.segment import Entry
from workers.sinks.sink import NOT_AN_EVENT

log = structlog.get_logger()

BLOCK_EVENTS: Final = 500
BLOCK_BYTES: Final = 1_000_000
"""Bytes of events in one block, or a little more: one script handles them."""
RETURNED: Final = 100
"""Events that come back at once: others wait for the script that handles them."""
DUE: Final = 1_000
"""Returned deliveries that may be due at once: enough that no worker waits for more."""

_LAST: Final = re.compile(rb"[0-9]+-[0-9]+$").search
"""Finds the last id of a mark (`marks.lua`)."""
_event = msgspec.json.Decoder(dict[str, Any]).decode


class SinkParking:
    """Move events of one sink from the stream to disk, or let them go, and return parked ones."""

    def __init__(
        self,
        client: redis.Redis,
        sink: SinkSettings,
        place: Place | None,
        *,
        sheds: bool,
    ) -> None:
        self._client = client
        self._sink = sink
        self._place = place
        self._sheds = sheds
        self._park_script = _script(client, "park")
        self._give_back_script = _script(client, "give_back")
        self._erasing = Erasing(client, sink.name)
        self._abandoned = lease_milliseconds(sink.seconds)

    def mine(self, use: Use) -> bool:
        """Return whether what is parked is on this disk. Raises `OSError`."""
        return self._place is not None and use.place == self._place.name

    def update_files(self, use: Use) -> Use | None:
        """Update the files to what Redis counts: what has come back is deleted, and so is
        what was never taken from the stream; what was set aside before this Redis was put back is
        taken in again. Returns what waits, as it is after that; None where Redis has moved on since
        that was read. Raises `OSError`, `redis.RedisError`.
        """
        if not self._place:
            return use
        files = self._place.files(self._sink.name)
        files.clear_bare(use.total)
        mine = self.mine(use)
        if mine:
            files.drop(use.returned)
        after = self._give_up_unclaimed(files, use, mine=mine)
        if after and mine and files.claim(use.total, use.returned_to, use.to):
            after = self._give_up_unclaimed(files, after, mine=mine)  # of some it may not know
        return after

    def _give_up_unclaimed(self, files: ParkedFiles, use: Use, *, mine: bool) -> Use | None:
        """Delete the blocks that Redis does not count on, or keep them where nobody else has their
        events.
        """
        unclaimed = files.unclaimed(use.total if mine else 0, use.to if mine else "")
        if not unclaimed:
            return use
        # Nobody took them from the stream, unless Redis is of an earlier time and never had them.
        ends = (unclaimed.first, files.last)
        still = all(self._client.xrange(EVENTS, one, one) for one in ends)
        if still and order(unclaimed.first) > max(order(use.position), self._done()):
            if turned := self._turned(use):
                files.cut(unclaimed.number)
            return turned
        files.set_aside(unclaimed.number)
        return use

    def _turned(self, use: Use) -> Use | None:
        """Begin a new turn: a script that was sent in an earlier one, and whose reply was lost, may
        come in late, and parks nothing then. Returns what waits; None where one has come in since
        that was read.
        """
        key, turn = sink_parking(self._sink.name), secrets.token_hex(8)
        pipe: Any = self._client.pipeline(transaction=True)
        pipe.hset(key, "turn", turn)
        pipe.hmget(key, "place", "total", "to")
        _, (place, total, to) = pipe.execute()
        now = text(place or b""), whole(total), text(to or b"")
        return use._replace(turn=turn) if now == (use.place, use.total, use.to) else None

    def erase(self, use: Use) -> bool:
        """Do one step of what `receiver erase` asks for. Returns whether it does: nothing may come
        back meanwhile. Raises `OSError`, `redis.RedisError`.
        """
        if not (self._place and use.erase and self.mine(use)):
            return False
        self._erasing.step(use, self._place.files(self._sink.name))
        return True

    def relieve(self, use: Use, excess: int) -> bool:
        """Have one block of the oldest waiting events leave the stream. Returns whether it did.
        Raises `OSError` where the disk does not take it, and `redis.RedisError`.
        """
        if not self._sheds and use.parked and not self.mine(use):
            return False  # the others are on another host's disk, and come first
        most = min(excess, BLOCK_EVENTS, 1 + int(BLOCK_BYTES / use.event_bytes))
        read: Any = self._client.xrange(EVENTS, f"({use.position}", "+", count=most)
        entries = [(entry.decode(), next(iter(fields.values()))) for entry, fields in read]
        if not entries:
            return False
        wanted = [one for one in entries if self._wants(one[1])]
        if self._sheds:
            log.warning("sink.shed", sink=self._sink.name, events=len(wanted))
            return self._leave(use, entries, shed=len(wanted))
        if self._place is None or not wanted:
            return self._place is not None and self._leave(use, entries)
        turned = use if use.turn else self._turned(use)
        if turned is None:
            return False
        files = self._place.files(self._sink.name)
        files.append(use.total, wanted)
        left = self._leave(turned, entries, parked=len(wanted), place=self._place.name)
        if not left:
            files.cut(use.total)
        return left

    def _done(self) -> tuple[int, int]:
        """Return the last entry that the sink is done with, though somebody has moved its group.
        (0, 0) where it has no mark, or somebody else wrote it.
        """
        mark: Any = self._client.hget(MARKS, forward_group(self._sink.name))
        found = _LAST(mark or b"")
        return order(found[0].decode()) if found else (0, 0)

    def give_back(self, use: Use) -> int:
        """Return the next parked events to the sink, due now, if the sink is to have more.
        Returns how many, -1 if Redis has moved on. Raises `OSError`, `redis.RedisError`.
        """
        if not (self._place and use.parked and self.mine(use)) or (due := self._due(use)) >= DUE:
            return 0
        files = self._place.files(self._sink.name)
        start, found = files.next(use.returned) or (use.total, [])
        entries = found[:RETURNED]
        missing, after = start - use.returned, start + len(entries)
        if missing:
            log.error("sink.parked_damaged", sink=self._sink.name, events=missing)
        last = entries[-1][0] if entries else ""
        deliveries = [
            (entry, Delivery(entry, event, order(entry)[0]))
            for entry, event in entries
            if event is not None
        ]
        gone = len(entries) - len(deliveries)
        back = self._give(
            [self._place.name, use.returned, after, missing, gone, last, files.bytes], deliveries
        )
        if back >= 0:
            files.drop(after)
        if back > 0 and not due:  # else its worker is at it, and takes these too
            bell.ring_sink_seldom(self._client, self._sink)
        return back

    def take_over(self, use: Use) -> int:
        """Give back entries whose worker has been gone for a lease: they hold the stream."""
        if not use.pending:
            return 0
        client: Any = self._client
        found = client.xpending_range(
            EVENTS, forward_group(self._sink.name), "-", "+", BLOCK_EVENTS, idle=self._abandoned
        )
        pipe = client.pipeline(transaction=False)
        for one in found:
            pipe.xrange(EVENTS, one["message_id"], one["message_id"])
        now = second_clock.local_time()
        deliveries = [
            (entry.decode(), Delivery(entry.decode(), next(iter(fields.values())), now))
            for entry, fields in chain.from_iterable(pipe.execute())
        ]
        return self._give(["", 0, 0, 0, 0, "", 0], deliveries) if deliveries else 0

    def _due(self, use: Use) -> int:
        """Return how many deliveries are due; `DUE` where no more are to come back now. A consumer
        that does not answer gets something to be asked with that it has not seen, and no more.
        """
        if use.stopped or (use.failing and self._unsent()):
            return DUE
        now = server_time(self._client)
        due: Any = self._client.zcount(retry_due(self._sink.name), "-inf", now)
        return int(due)

    def _unsent(self) -> bool:
        """Return whether something that came back has not been sent yet (`lease.lua`)."""
        due: Any = self._client.hget(sink_parking(self._sink.name), "due")
        last = number(due)
        return bool(last and self._client.zcount(retry_due(self._sink.name), last - 1, last))

    def _wants(self, event: bytes) -> bool:
        try:
            return not self._sink.filtered or self._sink.wants(_event(event))
        except NOT_AN_EVENT:
            return True  # it becomes a dead letter in its turn

    def _leave(
        self,
        use: Use,
        entries: Sequence[Entry],
        *,
        parked: int = 0,
        shed: int = 0,
        place: str = "",
    ) -> bool:
        """Take entries off the stream; those neither parked nor let go count as filtered."""
        name, filtered = self._sink.name, len(entries) - parked - shed
        size = self._place.files(name).bytes if self._place and place else 0
        counts = [len(entries), parked, filtered, shed]
        args = [forward_group(name), name, use.position, entries[0][0], entries[-1][0], *counts]
        return bool(
            self._park_script(
                keys=[EVENTS, MARKS, SINKS, sink_parking(name)],
                args=[*args, place, use.total, os.uname().nodename, size, use.place, use.turn],
            )
        )

    def _give(self, about: list[Any], deliveries: Sequence[tuple[str, Delivery]]) -> int:
        name = self._sink.name
        pairs = chain.from_iterable((entry, encode(one)) for entry, one in deliveries)
        keys = [retry_due(name), retry_items(name), SINKS, sink_parking(name), EVENTS, MARKS]
        args = [forward_group(name), name, *about, *pairs]
        return int(self._give_back_script(keys=keys, args=args))


def _script(client: redis.Redis, name: str) -> Callable[..., Any]:
    return client.register_script(scripts.load(__package__, name))
