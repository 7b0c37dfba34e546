"""Redis' clock jumps back while something is polled: no poll rests for as long as it was ahead."""

import time

import msgspec
import pytest

from receiver.contract.redis_keys import poll_state
from receiver.polling import store
from receiver.polling.overview import PollState
from tests.support.att_gateways import SimulatedGateway
from tests.support.polling import FAST, Polled

DAY = 86_400
HASTY = msgspec.structs.replace(FAST, warns=0.1, alarms=0.2, regardless=0.4)


def moved(patch: pytest.MonkeyPatch, seconds: int) -> None:
    """To polls Redis' clock is ahead by so many seconds."""
    now = "redis.call('TIME')[1]"
    patch.setattr(store, "_ACQUIRE", store._ACQUIRE.replace(now, f"{now} + {seconds}"))


def test_a_poll_goes_on_where_the_clock_of_redis_jumps_back(
    polled: Polled, double: SimulatedGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    double.control("faults", effect="unavailable", route="inbox", times=0)
    before = 0

    def goes_on() -> bool:
        nonlocal before
        asked = polled.outcomes().get("unreachable", 0)
        if not before and asked > 1:
            before = asked
            monkeypatch.undo()
        return bool(before) and asked > before + 2

    moved(monkeypatch, DAY)
    polled.until(goes_on, within=30)


def test_messages_are_fetched_in_time_also_where_the_last_success_is_still_to_come(
    polled: Polled, double: SimulatedGateway
) -> None:
    polled.once()
    (mark,) = (polled.directory / "pages").glob("*.last")
    mark.unlink()  # as on another machine
    double.control("mo", text="later")
    polled.redis.hset(poll_state("promo"), "succeeded", int(time.time()) + DAY)
    away = False

    def fetched() -> bool:
        nonlocal away
        if not away and "seen" in polled.state():
            polled.valkey.kill()
            away = True
        return "waiting" not in double.inbox()

    polled.until(fetched, HASTY, within=30)
    polled.valkey.start()
    polled.until(lambda: not polled.pages())
    assert polled.texts() == ["hello", "later"]


@pytest.mark.parametrize("restarted", [False, True])
def test_the_age_of_the_last_success_counts_on_where_the_clock_of_redis_has_jumped_back(
    polled: Polled, double: SimulatedGateway, monkeypatch: pytest.MonkeyPatch, restarted: bool
) -> None:
    """It is what the alert of a poll that is late goes by."""
    moved(monkeypatch, DAY)

    def succeeded() -> int:
        return int(polled.state().get("succeeded", 0))

    def put_right() -> bool:
        if succeeded() > time.time() + DAY / 2:
            double.control("faults", effect="unavailable", route="inbox", times=0)
            monkeypatch.undo()
        return 0 < succeeded() <= time.time()

    polled.until(lambda: succeeded() if restarted else put_right(), within=30)
    polled.until(put_right, within=30)


@pytest.mark.parametrize("ahead", [-DAY, 0, DAY])
def test_a_poll_that_nobody_looks_after_is_not_alive_because_a_clock_was_ahead(ahead: int) -> None:
    now = 1_800_000_000
    assert PollState(name="promo", seen=now + ahead).alive(now) is (ahead == 0)
