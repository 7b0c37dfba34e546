"""How hard an operator is pressed, and when it is left alone."""

import asyncio
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from types import SimpleNamespace

import pytest

from receiver.outbound import (
    Answer,
    Limits,
    NotSent,
    OperatorClient,
    Resting,
    TokenRefused,
    Unanswered,
)
from receiver.outbound.circuit import Circuit
from receiver.outbound.rate_limit import RateLimit
from receiver.outbound.traffic import Traffic
from receiver.runtime.retry_after import retry_after
from tests.support.commands import free_port
from tests.support.operators import V08, Simulated
from tests.support.outbound import ask, create


def test_a_401_that_stays_opens_the_circuit(operator: Simulated) -> None:
    operator.control("faults", effect="status", status=401, times=0)

    async def stormed(client: OperatorClient) -> None:
        for _ in range(5):
            assert (await client.request("GET", operator.url + V08)).status == 401
        with pytest.raises(Resting, match="failed repeatedly"):
            await client.request("GET", operator.url + V08)

    ask(operator, stormed)
    assert operator.books()["requests"]["list 401"] == 10


def test_an_operator_that_is_down_is_left_alone_and_then_tried_by_one(
    operator: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.control("faults", effect="status", status=503, times=5)
    passed = 0.0
    clock = SimpleNamespace(monotonic=lambda: passed)
    monkeypatch.setattr("receiver.outbound.circuit.time", clock)

    async def outcome(client: OperatorClient) -> str:
        try:
            return str((await client.request("GET", operator.url + V08)).status)
        except Resting as resting:
            nonlocal passed
            passed += resting.seconds
            return "resting"

    async def down(client: OperatorClient) -> list[str]:
        assert {await outcome(client) for _ in range(5)} == {"503"}
        outcomes = [await outcome(client)]
        outcomes += await asyncio.gather(outcome(client), outcome(client))
        return [*outcomes, await outcome(client)]

    seen = ask(operator, down)
    assert seen == ["resting", "200", "resting", "200"]
    assert passed >= 2.5


def test_requests_keep_to_the_rate_and_the_concurrency(operator: Simulated) -> None:
    async def many(client: OperatorClient) -> float:
        await client.check()
        begun = time.monotonic()
        await asyncio.gather(*[client.request("GET", operator.url + V08) for _ in range(11)])
        return time.monotonic() - begun

    assert ask(operator, many, Limits(rate=20, concurrency=2)) >= 0.49


def test_a_429_halves_the_rate_waits_and_recovers_slowly(operator: Simulated) -> None:
    operator.control("faults", operation="list", effect="status", status=429, retry_after=1)

    async def refused(client: OperatorClient) -> float:
        assert (await client.request("GET", operator.url + V08)).retry_after == 1
        assert client.rate.rate == 500
        begun = time.monotonic()
        await client.request("GET", operator.url + V08)
        assert client.rate.rate == 520
        return time.monotonic() - begun

    assert ask(operator, refused) >= 0.9


def test_a_long_retry_after_is_the_caller_s_to_wait_for(operator: Simulated) -> None:
    operator.control("faults", operation="any", effect="status", status=429, retry_after=120)

    async def refused(client: OperatorClient) -> float:
        await client.request("GET", operator.url + V08)
        with pytest.raises(Resting) as resting:
            await client.request("GET", operator.url + V08)
        return resting.value.seconds

    assert 110 < ask(operator, refused) <= 120
    assert operator.books()["requests"]["list 429"] == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("99999999999999999999", 3600.0),
        ("Fri, 27 Nov 2026 12:00:30 GMT", 30.0),
        ("Fri, 27 Nov 2026 11:00:00 GMT", 0.0),
        ("Fri, 27 Nov 2037 12:00:30 GMT", 3600.0),
        ("soon", None),
        ("-1", None),
        ("²", None),
        ("", None),
    ],
)
def test_retry_after_is_read_in_both_forms_up_to_an_hour(value: str, seconds: float | None) -> None:
    assert retry_after(value, 1795780800.0) == seconds


def test_every_request_is_counted_by_its_outcome(operator: Simulated) -> None:
    operator.control("faults", operation="create", effect="lost")

    async def some(client: OperatorClient) -> Traffic:
        with pytest.raises(Unanswered):
            await create(operator)(client)
        assert client.traffic.succeeded == 0
        await create(operator)(client)
        with pytest.raises(NotSent):
            await client.request("GET", f"http://127.0.0.1:{free_port()}/x")
        return client.traffic

    traffic = ask(operator, some)
    assert traffic.requests == {"unanswered": 1, "201": 1, "not-sent": 1}
    assert time.time() - traffic.succeeded < 60
    assert traffic.seconds_ahead is not None
    assert abs(traffic.seconds_ahead) < 30


@pytest.mark.parametrize("date", ["", "soon", "Fri, 99 Nov 2026 00:00:00 GMT", "-1"])
def test_an_operators_clock_is_read_from_its_answers(date: str) -> None:
    traffic = Traffic()
    hour = formatdate(time.time() + 3600, usegmt=True)
    traffic.answered(Answer(status=500, headers={"date": hour}, body=b""))
    traffic.answered(Answer(status=500, headers={"date": date}, body=b""))
    assert traffic.seconds_ahead is not None
    assert 3590 <= traffic.seconds_ahead <= 3610
    assert traffic.succeeded == 0


def test_the_rate_never_falls_to_nothing() -> None:
    rate = RateLimit(64)
    for _ in range(100):
        rate.refused(0)
    assert rate.rate == 1
    for _ in range(100):
        rate.answered()
    assert rate.rate == 64


@pytest.mark.parametrize("ahead", [-7200, 0, 7200])
def test_a_retry_after_that_is_a_time_is_read_by_the_clock_that_says_it(ahead: float) -> None:
    now = time.time() + ahead
    until, date = (formatdate(each, usegmt=True) for each in (now + 30, now))
    answer = Answer(status=429, headers={"retry-after": until, "date": date}, body=b"")
    assert answer.retry_after is not None
    assert 29 <= answer.retry_after <= 31


@pytest.mark.parametrize(
    ("dice", "wanted"),
    [
        (max, [5, 10, 20, 40, 80, 160, 320, 600, 600, 600]),
        (min, [2.5] * 10),
    ],
)
def test_an_operator_that_stays_down_is_asked_at_ever_longer_intervals_up_to_ten_minutes(
    monkeypatch: pytest.MonkeyPatch, dice: Callable[[float, float], float], wanted: list[float]
) -> None:
    passed = 0.0
    monkeypatch.setattr("receiver.outbound.circuit.time", SimpleNamespace(monotonic=lambda: passed))
    monkeypatch.setattr("receiver.outbound.circuit.random", SimpleNamespace(uniform=dice))
    circuit, pauses = Circuit(), []
    for _ in range(5):
        circuit.failed()
    for _ in wanted:
        with pytest.raises(Resting) as resting:
            circuit.admit()
        pauses.append(resting.value.seconds)
        passed += resting.value.seconds
        circuit.admit()
        circuit.failed()
    assert pauses == wanted


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (TokenRefused(400, "invalid_grant"), True),
        (TokenRefused(401, "invalid_client"), True),
        (TokenRefused(200, "the answer has no usable access_token"), True),
        (TokenRefused(302, "refused"), True),
        (TokenRefused(429, "refused"), False),
        (TokenRefused(500, "refused"), False),
        (TokenRefused(0, "no connection"), False),
        (NotSent("no connection"), False),
        (Unanswered("no answer"), False),
    ],
)
def test_that_an_operator_does_not_accept_us_is_said_until_it_does(
    error: NotSent | Unanswered, told: bool
) -> None:
    traffic = Traffic()
    traffic.failed(error)
    assert traffic.unauthorised == (str(error) if told else "")
    for status, said in ((401, "401: who we are is not accepted"), (404, "")):
        traffic.answered(Answer(status=status, headers={}, body=b""))
        assert traffic.unauthorised == said


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose clock shows the time of New York."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "America/New_York")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    "said",
    [
        "Fri Nov 27 12:00:30 2026",
        "Friday, 27-Nov-26 12:00:30 GMT",
        "27 Nov 2026 12:00:30 -0000",
    ],
)
def test_the_older_forms_of_a_date_are_in_gmt_too(said: str) -> None:
    assert retry_after(said, 1795780800.0) == 30
    answer = Answer(status=200, headers={"date": said}, body=b"")
    assert answer.seconds_ahead is not None
    assert abs(answer.seconds_ahead - (1795780830 - time.time())) < 5
