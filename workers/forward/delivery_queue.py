"""The delivery queue of one sink in Redis: leased by one script, settled by another."""

import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import redis
import structlog
from redis.exceptions import ResponseError

from receiver.contract.records import decode_dead_letter
from receiver.contract.redis_keys import (
    EVENTS,
    GROUP,
    MARKS,
    SINKS,
    forward_group,
    retry_due,
    sink_parking,
)
from receiver.runtime import scripts
from workers import outcome_log, second_clock
from workers.forward import leased_item
from workers.forward.attempt_log import AttemptLog
from workers.forward.delivery_scripts import DeliveryScripts
from workers.forward.outcomes import DEAD, Outcome
from workers.forward.pace import Pace
from workers.sinks.sink import Item

log = structlog.get_logger()

MOST_RETRIES: Final = 10_000
"""Retries of one sink at which it stops reading new events; those stay on the stream."""
PART: Final = 0.1
"""Of `maxmemory`: what more retries than that may take where the consumer takes others, or half of
the sink's share if that is less."""
FAILURES: Final = 10
"""Failed requests in a row that open the circuit breaker."""
PAUSE: Final = 1_000
"""Milliseconds until an open circuit lets a probe through; doubled after each failure."""
LONGEST_PAUSE: Final = 60_000
ABANDONED_SECONDS: Final = 15.0
"""Idle time after which an entry's worker counts as dead, when requests take no time at all."""

_MOVED: Final = 2


class DeliveryQueue:
    """Lease deliveries of one sink for one worker, and settle their outcomes."""

    def __init__(
        self,
        client: redis.Redis,
        sink: str,
        consumer: str,
        *,
        seconds: float = 0.0,
        give_up_hours: float = 72.0,
        share: float = 0.0,
        guards: Sequence[tuple[str, str]] = (),
        local_time: Callable[[], int] = second_clock.local_time,
    ) -> None:
        self.sink = sink
        self._client = client
        self._consumer = consumer
        self._lease_milliseconds = lease_milliseconds(seconds)
        self._local_time = local_time
        self._give_up = int(3_600_000 * give_up_hours)
        self._part = min(PART, share / 200)
        self._guards = [len(guards), *itertools.chain.from_iterable(guards)]
        self._now = 0
        self._scripts = DeliveryScripts(client, sink)
        self._log = outcome_log.OutcomeLog(client)
        self.attempts = AttemptLog(client, sink)
        self.pace = Pace()
        self._cursor = "0"
        self._last: Any = b""
        self._ahead: list[Item] | None = None
        self.held = False
        """Whether nothing may be sent: the sink is stopped, its circuit is open, it has too many
        retries, what comes next is parked, or it is `blocked`."""
        self.blocked = ""
        """Which key that the sink writes to has another type, and so nothing is leased."""

    def earlier_time(self) -> int:
        """Return the earlier of two clocks, in milliseconds since 1970: Redis' at the last lease,
        and this machine's.
        """
        return min(self._now, self._local_time())

    def later_time(self) -> int:
        """Return the later of the two clocks, at which the time until giving up begins."""
        return max(self._now, self._local_time())

    def recover(self) -> None:
        """Have the next `lease` begin with what this worker or a dead one left open."""
        self._cursor = "0"
        self._ahead = None  # the group has it, as this worker's

    def lease(self, wanted: int) -> list[Item]:
        """Lease at most so many deliveries, or return what `settle` has leased; while the sink is
        `held` only those to give up. When the next ones may be leased `pace` says.

        Raises `redis.RedisError`.
        """
        if self._ahead is not None:
            return self.leased_ahead()
        wanted = min(wanted, self.pace.most)
        reply = self._with_group(lambda: self._scripts.lease(self._to_lease(wanted)))
        return self._leased(reply, wanted)

    @property
    def has_leased_ahead(self) -> bool:
        """Return whether `settle` has leased and `leased_ahead` has not been called since."""
        return self._ahead is not None

    def leased_ahead(self) -> list[Item]:
        """Return what `settle` has leased, once."""
        items, self._ahead = self._ahead or [], None
        return items

    def _to_lease(self, wanted: int) -> list[Any]:
        """Return the arguments of `lease.lua`."""
        return [
            forward_group(self.sink),
            self._consumer,
            wanted,
            MOST_RETRIES,
            self._lease_milliseconds,
            self._cursor,
            self._give_up,
            self._local_time(),
            *self._guards,
            GROUP if self.pace.behind else "",
            self._part,
        ]

    def _leased(self, reply: Any, wanted: int) -> list[Item]:
        """Parse the reply of `lease.lua`."""
        leased = time.monotonic()
        held, self._cursor, last, self._now, found, moved, late = reply
        self._last = last or self._last
        if moved:
            _log_moved(self.sink)
        self.held = bool(held)
        self.blocked = held.decode() if held.startswith(b"WRONGTYPE") else ""
        items = [leased_item.item(*each) for each in zip(*[iter(found)] * 3, strict=True)]
        for item in items:
            item.leased = leased
        self.pace.leased(items, wanted, self._now, late)
        return items

    def wait_for_event(self, milliseconds: int) -> bool:
        """Wait for a new event on the stream. Returns whether one came in this time."""
        return bool(self._client.xread({EVENTS: self._last}, count=1, block=milliseconds))

    def settle(self, outcomes: Sequence[Outcome], then_lease: int = 0) -> bool:
        """Apply the outcomes, each if its delivery is still open, and in the same write lease so
        many deliveries for the next `lease`. Returns whether that opened the circuit. Raises
        `redis.RedisError`.
        """
        args = self._to_settle(outcomes)
        if then_lease:
            wanted = min(then_lease, self.pace.most)
            settled, reply = self._scripts.settle_and_lease(args, self._to_lease(wanted))
            self._ahead = None if reply is None else self._leased(reply, wanted)
        else:
            settled = self._scripts.settle(args)
        opened, closed, died = settled
        if opened or closed:
            log.warning("sink.circuit", sink=self.sink, state="open" if opened else "closed")
        self._log_dead_letters(
            outcome.dead_letter
            for outcome in outcomes
            if outcome.action in DEAD or (died and _entry(outcome) in died)
        )
        return bool(opened)

    def _to_settle(self, outcomes: Sequence[Outcome]) -> list[Any]:
        """Return the arguments of `settle.lua`."""
        return [
            forward_group(self.sink),
            self.sink,
            FAILURES,
            PAUSE,
            LONGEST_PAUSE,
            *self._guards,
            *itertools.chain.from_iterable(outcome.args() for outcome in outcomes),
        ]

    def _log_dead_letters(self, letters: Iterable[bytes]) -> None:
        for letter in map(decode_dead_letter, letters):
            receipts = list(outcome_log.receipts([letter.event]))
            log.warning("delivery.dead", sink=self.sink, receipts=receipts, reason=letter.reason)

    def log_delivered(self, items: Sequence[Item]) -> None:
        """Log that these were delivered to the sink."""
        self._log.delivered(self.sink, (item.delivery.event for item in items))

    def write_metrics(self) -> None:
        """Write the measured times to the metrics in Redis, and the noted attempts."""
        self._log.write_metrics()
        self.attempts.write()

    def _with_group(self, read: Callable[[], Any]) -> Any:
        """Create the group if the server came back empty; then all of the stream is new to it."""
        try:
            return read()
        except ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            create_group(self._client, self.sink, "0")
            return read()


def lease_milliseconds(seconds: float) -> int:
    """Return how long (ms) a lease lasts, when one request takes so many seconds at most."""
    return int(1000 * (ABANDONED_SECONDS + 3 * seconds))


def create_group(client: redis.Redis, sink: str, start: str = "$") -> bool:
    """Create the sink's consumer group unless it exists, from `start` on (`$`: new events only).

    Returns whether it was created or moved. Raises `redis.RedisError`.
    """
    keys = [EVENTS, retry_due(sink), SINKS, MARKS, sink_parking(sink)]
    script = scripts.load(__package__, "create_group")
    made = client.eval(script, len(keys), *keys, forward_group(sink), sink, start)
    if made == _MOVED:
        _log_moved(sink)
    elif made:
        log.info("sink.begins", sink=sink, with_history=start == "0")
    return bool(made)


def _log_moved(sink: str) -> None:
    """Log that somebody had destroyed the group or moved its position."""
    log.warning("group.moved", stream=EVENTS, group=forward_group(sink))


def _entry(outcome: Outcome) -> bytes:
    entry = outcome.entry
    return entry.encode() if isinstance(entry, str) else entry
