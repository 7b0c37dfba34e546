"""A sink that is behind gives way to what has just come in, and catches up all the same."""

from typing import Any

import msgspec
import pytest

from receiver.config.settings import SinkSettings
from receiver.contract.records import Delivery
from receiver.contract.redis_keys import EVENTS, GROUP, INBOUND
from tests.support.consumer import Consumer
from tests.support.forwarding import Forwarding, event, http_sink
from tests.support.parking import copy_sink
from tests.support.valkey import Valkey
from workers.forward import pace
from workers.forward.pace import Pace
from workers.forward.run_loop import RunLoop
from workers.sinks.sink import Item

NOW = 1_800_000_000_000
HISTORY = 1_795_000_000_000
"""When the first of the events came (ms); another one came each second."""
EVENTS_BEHIND = 2_000


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def items(first: int, count: int, every: int = 10) -> list[Item]:
    """Leased events of which one was published every so many milliseconds."""
    entries = (f"{first + every * number}-0" for number in range(count))
    return [Item(Delivery(entry, b"{}", 0), retry=False) for entry in entries]


def catch_up(late: int, seconds: float, each: int = 200, every: int = 10) -> tuple[int, Pace]:
    """Lease so many events each time for so long; how many, and the pace at the end."""
    clock = _Clock()
    paced, count = Pace(clock), 0
    while clock.now < seconds:
        paced.leased(items(HISTORY + count * every, each, every), each, NOW, late)
        count += each
        clock.now += max(paced.left(), 0.05)
    return count, paced


def test_a_sink_that_is_behind_is_half_as_fast_again_as_its_events_came_while_others_are_late() -> (
    None
):
    count, paced = catch_up(late=pace.LATE + 1, seconds=100)
    assert 1.5 * 100 * 100 <= count <= 1.6 * 100 * 100
    assert paced.most == pace.MOST_GIVING_WAY


def test_while_nobody_is_late_it_waits_less_and_less_and_soon_not_at_all() -> None:
    count, paced = catch_up(late=pace.LATE, seconds=10)
    assert count > 15_000  # 20,000 take as long without any wait
    assert (paced.left() <= 0, paced.most) == (True, pace.MOST_BEHIND)


def test_events_that_came_slowly_do_not_make_it_wait_for_long() -> None:
    count, _ = catch_up(late=1_000, seconds=100, every=3_600_000)
    assert count >= 200 * 100 / pace.LONGEST


def test_it_gives_way_again_as_soon_as_others_are_late_again() -> None:
    _, paced = catch_up(late=0, seconds=10)
    waits = []
    for number in range(12):
        paced.leased(items(HISTORY, 200), 200, NOW, 1_000 if number < 10 else 0)
        waits.append(round(paced._pause, 3))
    assert waits[:5] == [0.001, 0.002, 0.004, 0.008, 0.016]
    assert waits[10] == round(0.7 * waits[9], 3)


@pytest.mark.parametrize(
    "leased",
    [
        items(NOW - pace.BEHIND, 200, 0),
        [*items(HISTORY, 100), *items(NOW - 10, 100, 0)],
        items(HISTORY, 99),
        [],
    ],
    ids=["in time", "old retries before new events", "few are left", "nothing"],
)
def test_a_sink_that_is_not_behind_never_waits(leased: list[Item]) -> None:
    paced = Pace(_Clock())
    paced.leased(items(HISTORY, 200), 200, NOW, 1_000)
    assert paced.left() > 0
    paced.leased(leased, 200, NOW, 1_000)
    assert (paced.left(), paced.behind, paced.most) == (0, False, pace.MOST_LEASED)


@pytest.fixture(params=["copy", "hook"])
def behind(
    request: pytest.FixtureRequest,
    valkey: Valkey,
    consumer: Consumer,
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[Forwarding, _Clock]:
    """A sink for which events of half an hour wait; its clock goes on where its job waits."""
    hook = http_sink(consumer, mode="batch", concurrency=1)
    sink: SinkSettings = copy_sink() if request.param == "copy" else hook
    found, clock = Forwarding(valkey, sink), _Clock()
    pipe = found.client.pipeline()
    for number in range(EVENTS_BEHIND):
        about = {"event": msgspec.json.encode(event(number))}
        pipe.xadd(EVENTS, about, id=f"{HISTORY + 1_000 * number}-0")
    pipe.xgroup_create(INBOUND, GROUP, "0", mkstream=True)
    pipe.execute()
    found.deliveries.pace = Pace(clock)

    def wait(_: Any) -> None:
        clock.now += max(0.0, found.deliveries.pace.left())

    monkeypatch.setattr(RunLoop, "give_way", wait)
    return found, clock


def test_a_job_waits_between_leases_while_a_notification_is_late_and_delivers_all(
    behind: tuple[Forwarding, _Clock],
) -> None:
    forwarding, clock = behind
    forwarding.client.xadd(INBOUND, {"n": b""})
    forwarding.client.xreadgroup(GROUP, "host-0", {INBOUND: ">"})
    forwarding.run()
    assert forwarding.count("delivered") == EVENTS_BEHIND
    leases = EVENTS_BEHIND / pace.MOST_GIVING_WAY
    assert clock.now > 0.7 * pace.LONGEST * leases


def test_a_job_soon_waits_no_more_where_none_is_late(behind: tuple[Forwarding, _Clock]) -> None:
    forwarding, clock = behind
    forwarding.run()
    assert forwarding.count("delivered") == EVENTS_BEHIND
    assert clock.now < pace.LONGEST / (1 - 0.7)
