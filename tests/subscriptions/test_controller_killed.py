"""A controller killed before and after each step leaves what the next one makes whole."""

import asyncio

import pytest
import redis.asyncio

from receiver.subscriptions.lease import LeaseLost
from receiver.subscriptions.store import Store
from tests.support.controlling import Controlled
from tests.support.dying_controller import STEPS
from tests.support.eventually import eventually
from tests.support.valkey import Valkey

BEGINNING = ("intent", "posting", "post", "commit")
RENEWAL = ("intent", "posting", "post", "commit", "mark", "delete", "finish")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", BEGINNING)
def test_killed_at_the_first_subscription(fleet: Controlled, step: str, when: str) -> None:
    first = fleet.start(f"{when} {step}")
    assert first.wait(60) == -9
    fleet.redis.delete("receiver:subscriptions:lease:sim")  # the killed one's runs out in 15 s
    fleet.start()
    fleet.settled()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", RENEWAL)
def test_killed_at_a_renewal(fleet: Controlled, step: str, when: str) -> None:
    process = fleet.start()
    fleet.settled()
    first = fleet.ids()
    process.terminate()
    assert process.wait(60) == 0
    fleet.renew()
    dying = fleet.start(f"{when} {step}")
    assert dying.wait(60) == -9
    fleet.redis.delete("receiver:subscriptions:lease:sim")
    fleet.start()
    eventually(lambda: not first & fleet.ids())
    fleet.settled()
    assert fleet.redis.hget("receiver:subscriptions:sets", "fleet:gap_seconds") is None


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_while_an_attempt_is_looked_for(fleet: Controlled, when: str) -> None:
    fleet.operator.control("faults", operation="create", effect="lost")
    # Without a list the search for orphans does not find it first.
    fleet.operator.control("faults", operation="list", effect="status", status=500, times=0)
    dying = fleet.start(f"{when} resolve")
    assert dying.wait(60) == -9
    fleet.operator.control("clear-faults")
    fleet.redis.delete("receiver:subscriptions:lease:sim")
    fleet.start()
    fleet.settled()


def test_every_step_has_its_kill() -> None:
    assert set(BEGINNING) | set(RENEWAL) | {"resolve", "look"} == set(STEPS)


@pytest.mark.parametrize(
    "effect",
    ["lost", "truncated", "unreadable", "no-id", "applied-status", "huge", "drip", "redirect"],
)
def test_a_creation_whose_answer_is_lost_makes_neither_two_nor_none(
    fleet: Controlled, effect: str
) -> None:
    fleet.operator.control("faults", operation="create", effect=effect, times=2, delay=20)
    fleet.start()
    fleet.settled()


def test_a_creation_that_was_dropped_is_made_again(fleet: Controlled) -> None:
    fleet.operator.control("faults", operation="create", effect="drop", times=2)
    fleet.start()
    fleet.settled()


def test_a_late_twin_is_found_and_deleted(fleet: Controlled) -> None:
    fleet.operator.control("faults", operation="create", effect="late", delay=6)
    fleet.start()
    eventually(lambda: fleet.states() == ["active"] * 3)
    books = fleet.operator.books
    eventually(lambda: len(books()["subscriptions"]) == 4)
    fleet.settled()


@pytest.mark.parametrize("listing", [{"lag": 0.3}, {"form": "pages", "per_page": 2}])
def test_lists_that_lag_or_have_pages_are_read(fleet: Controlled, listing: dict[str, str]) -> None:
    fleet.operator.control("settings", list=listing)
    fleet.operator.control("faults", operation="create", effect="lost", times=2)
    fleet.start()
    fleet.settled()


def test_two_controllers_do_not_work_at_the_same_time(fleet: Controlled) -> None:
    fleet.start()
    fleet.start()
    fleet.settled()
    assert fleet.operator.books()["requests"]["create 201"] == 3


def test_after_a_loss_in_redis_everything_is_made_anew(fleet: Controlled) -> None:
    fleet.start()
    fleet.settled()
    first = fleet.ids()
    fleet.redis.flushall()

    def anew() -> bool:
        live = fleet.ids()
        assert len(live) >= 3, "one was deleted before its successor was there"
        return not first & live

    eventually(anew)
    fleet.settled()


def test_a_loss_in_redis_is_noticed_at_the_next_look_and_at_each_after_it(valkey: Valkey) -> None:
    async def lose() -> None:
        async with redis.asyncio.Redis.from_url(valkey.url) as client:
            store = Store(client, "sim", lambda _: None)
            assert await store.acquire_lease()
            await store.mark_controller()
            await asyncio.gather(*(store.check_data() for _ in range(5)))
            await client.flushall()
            for _ in range(2):
                with pytest.raises(LeaseLost):
                    await store.check_data()

    asyncio.run(lose())
