"""The gateway's index of a mailbox: built where it is missing, and no more often than it helps."""

import contextlib
from typing import Any

import pytest

from receiver.polling.mailbox.api import NoIndex
from receiver.polling.mailbox.mailbox import NotYet
from tests.support.mailbox_gateway import MailboxGateway, answering
from tests.support.mailboxes import Reader


@pytest.fixture
def gateway() -> MailboxGateway:
    return MailboxGateway(page=4, has=10)


@pytest.fixture
def mine(redis_url: str, gateway: MailboxGateway) -> Reader:
    found = Reader(redis_url, gateway)
    assert found.round() == 10
    found.clock += 4000
    return found


def test_an_index_that_has_ended_is_built_again(gateway: MailboxGateway, mine: Reader) -> None:
    gateway.status = "NOT_INITIALIZED"
    gateway.add("new")
    assert mine.round() == 1
    assert (gateway.index_orders, mine.said[10:]) == (2, ["added new"])


def test_an_index_that_takes_its_time_is_ordered_once(redis_url: str) -> None:
    gateway = MailboxGateway()
    gateway.add("m1")
    gateway.builds = 7
    mine = Reader(redis_url, gateway)
    with pytest.raises(NotYet, match="still building"):
        mine.round()
    assert mine.round() == 1
    assert gateway.index_orders == 1


def test_a_state_that_is_stale_again_and_again_is_not_hammered(
    gateway: MailboxGateway, mine: Reader
) -> None:
    built = []
    for _ in range(60):
        gateway.lose_states()
        with contextlib.suppress(NotYet):
            mine.round()
        built.append(gateway.index_orders)
        mine.clock += 60
    assert built[-1] <= 9
    mine.clock += 3600
    gateway.add("new")
    mine.round()
    assert mine.said[-1] == "added new"


def test_one_that_follows_for_an_hour_may_be_built_at_once(
    gateway: MailboxGateway, mine: Reader
) -> None:
    for _ in range(3):
        mine.round()
        mine.clock += 4000
        mine.round()
        gateway.lose_states()
        assert mine.round() == 0
    assert gateway.index_orders == 4


@pytest.mark.parametrize("seed", [False, True], ids=["SDK", "OpenAPI"])
def test_an_order_that_may_never_have_arrived_is_given_again(redis_url: str, seed: bool) -> None:
    def die(method: str, path: str, _: dict[str, str]) -> None:
        if (method, path) == ("POST", "/messages/index"):
            raise KeyboardInterrupt

    gateway = MailboxGateway(seed=seed)
    gateway.add("m1")
    gateway.before = die
    mine = Reader(redis_url, gateway)
    with pytest.raises(KeyboardInterrupt):
        mine.round()
    gateway.before = lambda *_: None
    assert mine.round() == 1


@pytest.mark.parametrize("says", [True, False], ids=["in the list", "when asked"])
def test_a_list_without_an_index_is_not_an_empty_mailbox(
    gateway: MailboxGateway, mine: Reader, says: bool
) -> None:
    gateway.lose_states()
    empty = {"messages": [], "total": 0, **({"cacheStatus": "NOT_INITIALIZED"} if says else {})}

    def before(_: str, path: str, __: dict[str, str]) -> Any:
        if path != "/messages":
            return None
        gateway.status = "NOT_INITIALIZED"
        return 200, {"messageList": empty}

    gateway.before = before
    with pytest.raises(NoIndex):
        mine.round()
    gateway.before = lambda *_: None
    mine.clock += 4000
    mine.rounds(2)
    assert len(mine.said) == 10


def test_one_that_is_gone_between_delta_and_list_waits_for_an_index(
    gateway: MailboxGateway, mine: Reader
) -> None:
    gateway.add("new")
    listed = {"messageList": {"messages": [], "cacheStatus": "INITIALIZING"}}
    gateway.before = answering("/messages", 200, listed)
    with pytest.raises(NoIndex):
        mine.round()
    gateway.before = lambda *_: None
    mine.round()
    assert mine.events[-1].data["from"] == "+12065550100"


def test_a_pause_that_was_begun_while_the_clock_was_ahead_is_over(
    gateway: MailboxGateway, mine: Reader
) -> None:
    mine.clock += 30 * 86_400
    for _ in range(3):
        gateway.lose_states()
        with contextlib.suppress(NotYet):
            mine.round()
        mine.clock += 60
    mine.clock -= 30 * 86_400
    gateway.lose_states()
    gateway.add("new")
    assert mine.round() == 1
