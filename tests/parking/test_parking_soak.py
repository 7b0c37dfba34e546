"""A sink that is dead for minutes before a small Redis, beside one that lives, and nine that are:
`make soak`.

PARKING_SECONDS is how long the one is dead (the nine a quarter of that), PARKING_BESIDE for how
long the live one is measured before and after, PARKING_RATE how many notifications come a second,
PARKING_MEMORY what Redis has. It prints the delays of the live one from receipt to delivery, and
when a notification was not stored in time (503).
"""

import os
import time
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from receiver.operations import sink_ledger
from receiver.operations.sink_ledger import SinkLedger
from tests.support.consumer import Consumer, consuming
from tests.support.eventually import eventually
from tests.support.running import Receiver
from tests.support.steady_consumer import SteadyConsumer, steady_consumer
from tests.support.steady_load import steady_load
from tests.support.valkey import Valkey

SECONDS = float(os.environ.get("PARKING_SECONDS", "1200"))
BESIDE = float(os.environ.get("PARKING_BESIDE", "60"))
RATE = int(os.environ.get("PARKING_RATE", "500"))
MEMORY = os.environ.get("PARKING_MEMORY", "256mb")
NOT_IN_TIME = "could not store this in time"
ONE_IN = 10_000
"""Of so many notifications one may be answered that. On a machine that does nothing else none is;
one that stops a process for longer than the 1.7 s that an answer may take costs a burst of them,
which the carrier repeats. Intake that closes, be it for two seconds, is more than this."""
PROBE_WITHIN = 70
"""Seconds until every sink is probed that answers again (`delivery_queue.LONGEST_PAUSE`)."""
PARTS = 4
"""Of the time in which it is dead, each measured by itself: a machine's load changes."""
TRIED = 1_100
"""Events that a consumer is asked with until its circuit opens, and by a probe now and then: those
come back by their own times, out of order."""


class Taken:
    """What a consumer was given, in order."""

    def __init__(self, consumer: Consumer | SteadyConsumer, name: str) -> None:
        self.name = name
        self.sequences: list[str] = []
        self._consumer = consumer

    def toml(self) -> str:
        """Its sink: a batch at a time."""
        about = f'[[sink]]\nname = "{self.name}"\nkind = "http"\nmode = "batch"\nconcurrency = 1\n'
        return about + f'url = "{self._consumer.url}"\nallow = ["{self._consumer.netloc}"]\n'

    def late(self) -> int:
        """How many came after a newer one."""
        late, latest = 0, ""
        for one in self.sequences:
            late, latest = late + (one < latest), max(one, latest)
        return late


class Dead(Taken):
    """One that takes nothing while it is `dead`."""

    def __init__(self, consumer: Consumer, name: str) -> None:
        super().__init__(consumer, name)
        self.dead = False
        consumer.behaviour = partial(self._take, consumer)

    def _take(self, consumer: Consumer, request: Any, _handler: Any) -> int:
        consumer.requests.clear()
        if self.dead:
            return 503
        self.sequences += [one["sequence"] for one in msgspec.json.decode(request.body)]
        return 204


class Live(Taken):
    """One that takes everything at once, in a process of its own."""

    def __init__(self, consumer: SteadyConsumer) -> None:
        super().__init__(consumer, "live")
        self._came = consumer.came
        self.delays: defaultdict[str, array[float]] = defaultdict(lambda: array("d"))
        """Phase of the run -> milliseconds from receipt to delivery, of each event."""

    def update(self, phase: str) -> int:
        """Note what came since the last call as of this phase. Returns how many in all."""
        for sequence, delay in self._came():
            self.sequences.append(sequence)
            self.delays[phase].append(delay)
        return len(self.sequences)


@pytest.mark.soak
@pytest.mark.parametrize(("many", "seconds"), [(1, SECONDS), (9, SECONDS / 4)])
def test_dead_sinks_close_nothing_and_get_everything_afterwards(
    start_valkey: Callable[..., Valkey], tmp_path: Path, many: int, seconds: float
) -> None:
    valkey = start_valkey(maxmemory=MEMORY)
    with ExitStack() as open_:
        live = Live(open_.enter_context(steady_consumer(tmp_path)))
        names = [f"dead-{number}" for number in range(many)]
        dead = [Dead(open_.enter_context(consuming()), name) for name in names]
        (tmp_path / "receiver.toml").write_text("".join(one.toml() for one in (live, *dead)))
        environ = {"RECEIVER_PARK_DIR": str(tmp_path / "disk"), "RECEIVER_LOG_LEVEL": "warning"}
        receiver = Receiver(valkey, tmp_path, **environ)
        try:
            receiver.start()
            _run(receiver, dead, live, seconds)
        finally:
            receiver.stop()


def _run(receiver: Receiver, dead: list[Dead], live: Live, seconds: float) -> None:
    print(
        f"\n{len(dead)} others:         seconds received/s  live p50 ms  p99 ms   max ms  load used"
    )
    began: dict[str, float] = {}
    with steady_load(receiver.port, RATE) as load:
        eventually(lambda: live.update("") > RATE)
        _watch(receiver, live, "alive before", lambda: False, BESIDE)
        began["dead"] = time.monotonic()
        for one in dead:
            one.dead = True
        most = max(
            _watch(receiver, live, f"dead, part {part}", lambda: False, seconds / PARTS)
            for part in range(1, PARTS + 1)
        )
        books = [_books(receiver, one.name) for one in dead]
        began["coming back"] = time.monotonic()
        for one in dead:
            one.dead = False
        taken = [len(one.sequences) for one in dead]
        _watch(receiver, live, "before the probe", lambda: _all_more(dead, taken), PROBE_WITHIN)
        _watch(receiver, live, "coming back", lambda: _caught_up(receiver, dead), 3_600)
        _watch(receiver, live, "alive after", lambda: False, BESIDE)
    parked, on_disk = sum(one.parked for one in books), sum(one.parked_bytes for one in books)
    print(f"at most {most:.0%} of {MEMORY} used; parked {parked} in {on_disk} bytes")
    assert all(one.parked for one in books)
    print(f"not stored in time: {_when(load.refused, began)} of {load.acknowledged}")
    assert [one for one in load.refused if NOT_IN_TIME not in one[1]] == []
    assert len(load.refused) <= load.acknowledged / ONE_IN
    receiver.settled()
    sent = receiver.books().published  # what was refused too late may be among them
    assert load.acknowledged <= sent <= load.acknowledged + len(load.refused)
    every: list[Taken] = [live, *dead]
    for each in every:
        _check(receiver, each, sent)
    assert live.late() == 0


def _when(refused: list[tuple[float, str]], began: dict[str, float]) -> str:
    """How many were refused, and in which seconds of the phases that these times began."""
    seconds: Counter[str] = Counter()
    for at, _ in sorted(refused):
        phase = max((one for one in began if began[one] <= at), key=began.__getitem__, default="")
        seconds[f"{phase or 'before'} +{at - began.get(phase, 0.0):.0f} s"] += 1
    return f"{len(refused)} {dict(seconds) or ''}"


def _check(receiver: Receiver, one: Taken, sent: int) -> None:
    """Everything arrived, once, and in order but for what was tried while it was dead."""
    eventually(lambda: _books(receiver, one.name).delivered == sent, within=300)
    if isinstance(one, Live):
        one.update("")
    books = _books(receiver, one.name)
    lost, again = sent - len(set(one.sequences)), len(one.sequences) - len(set(one.sequences))
    print(f"{one.name}: {sent} sent, lost {lost}, twice {again}, {one.late()} after a newer one")
    assert (books.parked, books.parked_damaged, books.dead, books.open) == (0, 0, 0, 0)
    assert (lost, again) == (0, 0)
    assert one.late() <= TRIED


def _watch(
    receiver: Receiver, live: Live, phase: str, over: Callable[[], bool], most: float
) -> float:
    """Wait for the end of a phase and print its row. Returns the greatest share of memory used."""
    live.update("")
    began, before, used = time.monotonic(), receiver.books().accepted, 0.0
    while not over() and time.monotonic() < began + most:
        memory: Any = receiver.redis.info("memory")
        used = max(used, memory["used_memory"] / memory["maxmemory"])
        time.sleep(0.5)
    live.update(phase)
    took = time.monotonic() - began
    rate = (receiver.books().accepted - before) / took
    delays = sorted(live.delays[phase])
    p50, p99 = (delays[int(share * len(delays))] for share in (0.5, 0.99))
    measured = f"{took:8.1f} {rate:11.1f} {p50:12.1f} {p99:7.1f} {delays[-1]:8.1f}"
    print(f"{phase:<18} {measured} {os.getloadavg()[0]:5.1f} {used:5.0%}", flush=True)
    return used


def _all_more(dead: list[Dead], before: list[int]) -> bool:
    """Whether each has taken something since."""
    return all(len(one.sequences) > many for one, many in zip(dead, before, strict=True))


def _caught_up(receiver: Receiver, dead: list[Dead]) -> bool:
    """Whether what was held back for the sinks is delivered."""
    books = [_books(receiver, one.name) for one in dead]
    return not any(one.parked or one.retrying or one.open >= RATE for one in books)


def _books(receiver: Receiver, name: str) -> SinkLedger:
    found = next(one for one in sink_ledger.read(receiver.redis) if one.name == name)
    assert found.balanced, found
    return found
