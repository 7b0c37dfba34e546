"""Where deltas cannot be followed, a mailbox is listed anew: nothing is missed, nothing made up."""

from typing import Any

import pytest

from receiver.polling.mailbox.api import Stopping
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


def test_a_stale_state_leads_to_a_list_that_tells_what_was_missed(
    gateway: MailboxGateway, mine: Reader
) -> None:
    gateway.add("new")
    gateway.mark("m3", isUnread=False)
    gateway.delete("m4")
    gateway.lose_states()
    assert mine.round() == 3
    assert mine.said[10:] == ["added new", "updated m3", "deleted m4"]
    assert mine.round() == 0
    gateway.add("later")
    assert mine.round() == 1


def test_of_a_list_of_bare_ids_each_message_is_asked_for(
    redis_url: str, gateway: MailboxGateway
) -> None:
    listed = {"messages": ["m1", "m2"], "total": 2, "state": gateway.state}
    gateway.before = answering("/messages", 200, {"messageList": listed})
    reader = Reader(redis_url, gateway, text=True)
    assert reader.round() == 2
    assert [event.data["text"] for event in reader.events] == ["hello", "hello"]


def change_once(gateway: MailboxGateway, at_offset: str, act: Any) -> None:
    done: list[bool] = []

    def before(_: str, path: str, query: dict[str, str]) -> None:
        if path == "/messages" and query.get("offset") == at_offset and not done:
            done.append(True)
            act()

    gateway.before = before


@pytest.mark.parametrize("offset", ["0", "4", "8"])
def test_what_changes_while_the_list_is_read_comes_out_too(
    gateway: MailboxGateway, mine: Reader, offset: str
) -> None:
    gateway.add("unseen")
    gateway.lose_states()

    def act() -> None:
        gateway.delete("m9")  # on the first page: everything behind it moves up by one
        gateway.mark("m0", isUnread=False)

    change_once(gateway, offset, act)
    mine.rounds(3)
    assert sorted(mine.said[10:]) == ["added unseen", "deleted m9", "updated m0"]


@pytest.mark.parametrize("offset", ["4", "8"])
def test_what_moves_from_one_page_to_another_is_not_missed_and_not_called_deleted(
    redis_url: str, gateway: MailboxGateway, offset: str
) -> None:
    change_once(gateway, offset, lambda: gateway.delete("m9"))
    fresh = Reader(redis_url, gateway)
    fresh.rounds(2)
    added = {one for one in fresh.said if one.startswith("added")}
    assert added == {f"added m{number}" for number in range(10)}
    assert [one for one in fresh.said if not one.startswith("added")] == ["deleted m9"]


def test_of_a_list_that_changes_for_ever_nothing_is_called_deleted(
    gateway: MailboxGateway, mine: Reader
) -> None:
    gateway.delete("m4")
    gateway.lose_states()
    gateway.before = lambda _, path, query: (
        gateway.add(f"x{len(gateway.messages)}")
        if path == "/messages" and "messageIds" not in query
        else None
    )
    mine.rounds(3)
    assert mine.progress.state
    gateway.before = lambda *_: None
    mine.rounds(2)
    assert not [one for one in mine.said if one.startswith("deleted")]
    assert len(mine.said) == len(gateway.messages) + 1


@pytest.mark.parametrize("said", [{"total": None}, {"total": 3}, {"total": "10", "state": None}])
def test_a_list_that_counts_wrongly_or_not_at_all_comes_to_an_end(
    redis_url: str, gateway: MailboxGateway, said: dict[str, Any]
) -> None:
    def before(_: str, path: str, query: dict[str, str]) -> Any:
        if path != "/messages" or "messageIds" in query:
            return None
        found = gateway._list(query)
        found["messageList"].update(said)
        return 200, found

    gateway.before = before
    fresh = Reader(redis_url, gateway)
    fresh.round()
    assert fresh.progress.state
    assert len(fresh.said) == (4 if said["total"] == 3 else 10)


def test_a_gateway_that_gives_the_same_page_for_ever_is_left(
    redis_url: str, gateway: MailboxGateway
) -> None:
    page = gateway._list({"offset": "0", "limit": "4"})
    gateway.before = lambda _, path, __: (200, page) if path == "/messages" else None
    fresh = Reader(redis_url, gateway)
    fresh.round()
    lists = sum(path == "/messages" for _, path, _ in gateway.asked)
    assert lists <= 9


def test_what_the_list_could_not_read_comes_out_later(
    gateway: MailboxGateway, mine: Reader
) -> None:
    gateway.add("new")
    gateway.failing = {"new": 1}
    gateway.lose_states()
    mine.rounds(2)
    assert mine.said[10:] == ["added new"]
    assert mine.events[-1].data["from"] == "+12065550100"


def test_the_pinned_state_is_kept_over_a_death_in_the_middle_of_the_list(
    redis_url: str, gateway: MailboxGateway
) -> None:
    def die() -> None:
        raise KeyboardInterrupt

    change_once(gateway, "4", die)
    fresh = Reader(redis_url, gateway)
    with pytest.raises(KeyboardInterrupt):
        fresh.round()
    assert fresh.progress.pinned == gateway.state
    gateway.add("meanwhile")
    fresh.rounds(2)
    assert gateway.index_orders == 1
    assert len(fresh.said) == 11
    assert fresh.said.count("added meanwhile") == 1


def test_one_that_could_not_be_read_and_is_gone_is_not_told_of(
    gateway: MailboxGateway, mine: Reader
) -> None:
    gateway.add("new")
    gateway.failing = {"new": 99}
    assert mine.round() == 0
    gateway.delete("new")
    gateway.lose_states()
    mine.rounds(2)
    assert len(mine.said) == 10
    assert not mine.progress.waiting


def test_a_process_that_is_to_end_leaves_the_rest_of_the_list_to_the_next(
    redis_url: str, gateway: MailboxGateway
) -> None:
    fresh = Reader(redis_url, gateway)
    fresh.stopping = lambda: len(fresh.appended) > 4
    with pytest.raises(Stopping):
        fresh.round()
    assert 0 < len(fresh.appended) < 10
    fresh.stopping = lambda: False
    fresh.round()
    assert len(fresh.said) == 10
