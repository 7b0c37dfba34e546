"""When the next request to an operator may go, after it has refused some."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from receiver.outbound import rate_limit
from receiver.outbound.rate_limit import RateLimit


class Clock:
    """Time that passes only while somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.meanwhile: Callable[[], None] = lambda: None
        """What happens while somebody waits, once."""

    async def sleep(self, seconds: float) -> None:
        self.now += max(0.0, seconds)
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(rate_limit, "time", SimpleNamespace(monotonic=lambda: found.now))
    monkeypatch.setattr(rate_limit, "asyncio", SimpleNamespace(sleep=found.sleep))
    return found


def waited(clock: Clock, rate: RateLimit) -> float:
    """Seconds until a request may be sent."""
    begun = clock.now
    asyncio.run(rate.acquire())
    return clock.now - begun


def test_requests_are_evenly_spaced(clock: Clock) -> None:
    rate = RateLimit(4)
    assert [waited(clock, rate) for _ in range(3)] == [0, 0.25, 0.25]


@pytest.mark.parametrize(("first", "second"), [(4, 1), (1, 4)])
def test_of_two_refusals_the_longer_pause_counts(clock: Clock, first: int, second: int) -> None:
    rate = RateLimit(1)
    rate.refused(first)
    rate.refused(second)
    assert waited(clock, rate) == 4


def test_a_refusal_that_says_no_time_is_a_pause_of_one_turn_at_half_the_rate(clock: Clock) -> None:
    rate = RateLimit(1)
    rate.refused(None)
    assert waited(clock, rate) == 2


def test_who_waits_for_a_turn_while_another_one_is_refused_waits_for_the_pause_too(
    clock: Clock,
) -> None:
    rate = RateLimit(1)
    assert waited(clock, rate) == 0
    clock.meanwhile = lambda: rate.refused(3)
    assert waited(clock, rate) == 1 + 3
