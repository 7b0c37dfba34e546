"""A small Redis under a flood without workers: never full, and empty again once they come."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import OutOfMemoryError

from receiver.intake import waiting_requests
from receiver.intake.availability import Availability
from receiver.intake.group_commit import Intake
from receiver.intake.inbound_writer import Batch, Full, Inbound
from receiver.intake.redis_link import NotReplicated
from receiver.intake.waiting_requests import Unavailable
from tests.support.eventually import eventually
from tests.support.running import Receiver, mo
from tests.support.valkey import Valkey

CONNECTIONS = 64


@pytest.fixture
def small(
    start_valkey: Callable[..., Valkey], tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Receiver]:
    receiver = Receiver(start_valkey(maxmemory=request.param), tmp_path)
    yield receiver
    receiver.kill()


def share(receiver: Receiver) -> float:
    memory: Any = receiver.redis.info("memory")
    return float(memory["used_memory"] / memory["maxmemory"])


@pytest.mark.parametrize(
    ("small", "size"), [("24mb", 3_000), ("25mb", 100_000), ("128mb", 20_000)], indirect=["small"]
)
def test_a_flood_without_workers_does_not_fill_it_and_workers_empty_it(
    small: Receiver, size: int
) -> None:
    small.start_web()
    stop, answers, highest = threading.Event(), [], [0.0]

    def flood(_: int) -> None:
        while not stop.is_set():
            answers.append(small.post("/att/sms/mo", mo("x" * size)).status)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        flooding = [pool.submit(flood, number) for number in range(CONNECTIONS)]
        try:
            for _ in range(3):  # it closes, and stays so
                seen = len(answers)
                eventually(lambda: 503 in answers[seen:])  # noqa: B023
                highest.append(share(small))
        finally:
            stop.set()
        for each in flooding:
            each.result()
    assert set(answers) == {204, 503}
    assert max(*highest, share(small)) < 0.95
    accepted = small.books().accepted
    assert accepted >= answers.count(204) > 0
    small.start_worker()
    small.settled(within=120)
    eventually(lambda: small.post("/att/sms/mo", mo("after")).status == 204)
    assert small.settled().accepted == accepted + 1


class _Line:
    """A link on which everything is taken, and others' appends are counted too."""

    def __init__(self) -> None:
        self.accepted = 0
        self.others = 0

    async def run(self, _keys: list[str], args: list[Any]) -> list[int]:
        self.accepted += args[3] + self.others
        return [1, 0, self.accepted]


class _NoLine:
    """A link on which nothing is taken."""

    def __init__(self, error: type[Exception]) -> None:
        self._error = error

    async def run(self, *_: Any) -> list[int]:
        raise self._error

    async def end(self) -> None:
        pass


def inbound(availability: Availability, line: Any) -> Inbound:
    return Inbound(line, lambda: None, lambda *_: None, availability)


async def appends(inbound: Inbound, size: int, most: int = 1000) -> int:
    """How many batches of one notification it takes."""
    for number in range(1, most):
        try:
            await inbound.append(Batch("f", number, [b"x" * size], []))
        except Full:
            return number - 1
    return most


def test_what_was_appended_since_the_last_look_closes_intake() -> None:
    availability = Availability()
    availability.allow(availability.spent, 100_000, "Redis is 80% full")
    assert 50 <= asyncio.run(appends(inbound(availability, _Line()), 1000)) <= 100
    assert availability.closed == "Redis is 80% full"
    availability.closed = ""
    availability.allow(availability.spent, 100_000, "Redis is 80% full")
    assert asyncio.run(appends(inbound(availability, _Line()), 1000)) >= 50


def test_what_other_processes_append_counts_too() -> None:
    availability, line = Availability(), _Line()
    line.others = 3
    availability.allow(availability.spent, 100_000, "Redis is 80% full")
    assert 12 <= asyncio.run(appends(inbound(availability, line), 1000)) <= 26


@pytest.mark.parametrize(
    "error", [ConnectionRefusedError, TimeoutError, NotReplicated, OutOfMemoryError]
)
def test_what_redis_did_not_take_leaves_intake_open_however_often_it_is_tried(
    error: type[Exception],
) -> None:
    availability = Availability()
    availability.allow(availability.spent, 100_000, "Redis is 80% full")

    async def tried() -> None:
        writer = inbound(availability, _NoLine(error))
        for number in range(1, 1001):
            with pytest.raises(error):
                await writer.append(Batch("f", number, [b"x" * 1000], []))

    asyncio.run(tried())
    assert (availability.spent, availability.closed) == (0, "")


@pytest.mark.parametrize(
    ("error", "counted"),
    [(ConnectionRefusedError, False), (TimeoutError, True), (NotReplicated, True)],
)
def test_what_is_given_up_and_may_have_been_taken_is_counted_once(
    error: type[Exception], counted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_requests, "ACKNOWLEDGE_WITHIN", 0.3)
    availability = Availability()

    async def given_up() -> None:
        intake = Intake(inbound(availability, _NoLine(error)))
        intake.start()
        for _ in range(2):  # once the second has been taken up, the first has been given up
            with pytest.raises(Unavailable):
                await intake.keep([b"x" * 1000], [])
        await intake.close()

    asyncio.run(given_up())
    assert 1000 * counted <= availability.spent <= 3000 * counted


def test_workers_that_start_when_nothing_is_left_get_on_all_the_same(receiver: Receiver) -> None:
    receiver.start_web()
    for number in range(50):
        receiver.acknowledged("/att/sms/mo", mo(f"{number}"))
    client: Any = receiver.redis
    client.setrange("big", 20_000_000, b"x")
    client.config_set("maxmemory", int(client.info("memory")["used_memory"] * 0.9))
    receiver.start_worker()
    eventually(lambda: receiver.books().open == 0)
    assert receiver.books().published == 50
    assert client.info("memory")["used_memory"] > client.info("memory")["maxmemory"]
