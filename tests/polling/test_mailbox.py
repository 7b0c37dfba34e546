"""A mailbox is followed by its deltas: each change comes out once, whatever happens in between."""

import json
from typing import Any

import pytest

from receiver.polling.mailbox.api import Refused
from receiver.polling.mailbox.mailbox import NotYet
from tests.support.mailbox_gateway import BAD, BAD_TOKEN, MailboxGateway, answering
from tests.support.mailboxes import Reader

SHAPES = pytest.mark.parametrize("seed", [False, True], ids=["SDK", "OpenAPI"])


@SHAPES
def test_what_is_there_comes_out_first_and_then_what_changes(redis_url: str, seed: bool) -> None:
    gateway = MailboxGateway(seed=seed)
    gateway.add("m1")
    mine = Reader(redis_url, gateway)
    assert mine.round() == 1
    gateway.add("m2")
    gateway.mark("m1", isUnread=False)
    gateway.mark("m1", isUnread=True)
    assert mine.round() == 3
    gateway.delete("m1")
    assert mine.round() == 1
    assert mine.round() == 0
    assert mine.said == ["added m1", "added m2", "updated m1", "deleted m1"]


@SHAPES
def test_an_added_message_says_who_and_when_and_no_text(redis_url: str, seed: bool) -> None:
    gateway = MailboxGateway(seed=seed)
    mine = Reader(redis_url, gateway)
    mine.round()
    gateway.add(
        "m1", "a secret", timeStamp="2026-01-14T12:00:00Z" if seed else "2026-01-14T12:00:00"
    )
    mine.round()
    (event,) = mine.events
    assert event.data == {
        "mailbox": "+12065550100", "messageId": "m1", "direction": "incoming", "channel": "sms",
        "from": "+12065550100", "recipients": ["48507"], "text": None, "subject": None,
        "unread": True, "favorite": False, "segment": None, "attachments": [],
    }  # fmt: skip
    assert event.time
    assert event.time.isoformat() == "2026-01-14T12:00:00+00:00"
    assert (event.subject, event.basis) == ("+12065550100", "composite")
    assert b"secret" not in b"".join(mine.appended)


def test_texts_come_along_where_the_poll_says_so(redis_url: str) -> None:
    gateway = MailboxGateway()
    gateway.add("m1", "a secret")
    mine = Reader(redis_url, gateway, text=True)
    mine.round()
    assert (mine.events[0].data["text"], mine.events[0].data["subject"]) == ("a secret",) * 2


def test_half_an_emoji_holds_up_nothing(redis_url: str) -> None:
    gateway = MailboxGateway()
    gateway.add("m1", "half \ud83d")
    mine = Reader(redis_url, gateway, text=True)
    mine.round()
    assert mine.events[0].data["text"] == "half \N{REPLACEMENT CHARACTER}"


def test_where_a_list_has_no_texts_each_message_is_asked_for(redis_url: str) -> None:
    gateway = MailboxGateway()
    gateway.add("m1", "a secret")
    gateway.listed_texts = False
    mine = Reader(redis_url, gateway, text=True)
    mine.round()
    gateway.add("m2", "another")
    mine.round()
    assert [e.data["text"] for e in mine.events] == ["a secret", "another"]


def test_flags_that_change_to_and_fro_are_an_event_each_time(redis_url: str) -> None:
    gateway = MailboxGateway()
    gateway.add("m1")
    mine = Reader(redis_url, gateway)
    mine.round()
    for unread in (False, True, False):
        gateway.mark("m1", isUnread=unread)
        mine.round()
    assert [e.data["unread"] for e in mine.events] == [True, False, True, False]


def test_what_was_appended_and_not_noted_comes_out_once(redis_url: str) -> None:
    gateway = MailboxGateway()
    gateway.add("m1")
    mine = Reader(redis_url, gateway)
    mine.round()
    state = mine.progress.state
    gateway.add("m2")
    gateway.mark("m1", isUnread=False)

    def die() -> None:
        raise KeyboardInterrupt

    mine.before_append = die
    with pytest.raises(KeyboardInterrupt):
        mine.round()
    assert mine.progress.state == state
    mine.before_append = lambda: None
    assert mine.round() == 2
    assert mine.said == ["added m1", "added m2", "updated m1"]


def test_a_message_that_cannot_be_read_is_asked_for_again(redis_url: str) -> None:
    gateway = MailboxGateway()
    mine = Reader(redis_url, gateway)
    mine.round()
    gateway.add("m1")
    gateway.add("m2")
    gateway.failing = {"m1": 4}
    assert mine.round() == 1
    assert mine.progress.state == gateway.state
    assert mine.round() == 1
    assert mine.said == ["added m2", "added m1"]
    assert mine.events[1].data["from"] == "+12065550100"
    assert not mine.progress.waiting


def test_one_that_can_never_be_read_comes_out_with_what_is_known(redis_url: str) -> None:
    gateway = MailboxGateway()
    mine = Reader(redis_url, gateway)
    mine.round()
    gateway.add("m1")
    gateway.failing = {"m1": 1000}
    assert mine.rounds(9) == [0] * 9
    assert mine.round() == 1
    assert mine.round() == 0
    data = mine.events[0].data
    assert (data["messageId"], data["unread"], data["from"]) == ("m1", True, None)


def test_one_whose_flags_change_before_it_is_read_comes_out_with_the_latest(
    redis_url: str,
) -> None:
    gateway = MailboxGateway()
    mine = Reader(redis_url, gateway)
    mine.round()
    gateway.add("m1")
    gateway.failing = {"m1": 6}
    mine.round()
    gateway.mark("m1", isUnread=False)
    assert mine.round() == 0
    assert mine.round() == 1
    assert [(e.type, e.data["unread"]) for e in mine.events] == [("inbox.message.added.v1", False)]


def test_one_that_is_deleted_before_it_is_read_came_and_went(redis_url: str) -> None:
    gateway = MailboxGateway()
    mine = Reader(redis_url, gateway)
    mine.round()
    gateway.add("m1")
    gateway.failing = {"m1": 3}
    mine.round()
    gateway.delete("m1")
    mine.round()
    assert mine.said == ["added m1", "deleted m1"]
    assert not mine.progress.waiting


def test_many_changes_are_read_in_parts(redis_url: str) -> None:
    gateway = MailboxGateway(page=7)
    for number in range(30):
        gateway.add(f"old{number}")
    mine = Reader(redis_url, gateway)
    assert mine.round() == 30
    gateway.largest = 500
    for number in range(120):
        gateway.add(f"new/{number}")
    assert mine.round() == 120
    assert len(mine.said) == 150
    asked = [query for _, path, query in gateway.asked if "messageIds" in query]
    assert [len(query["messageIds"].split(",")) for query in asked] == [50, 50, 20]


def test_where_a_request_for_several_is_refused_each_is_asked_for(redis_url: str) -> None:
    gateway = MailboxGateway()
    mine = Reader(redis_url, gateway)
    mine.round()
    gateway.add("m1")
    gateway.add("m2")
    gateway.before = lambda _, path, query: (404, BAD) if "messageIds" in query else None
    assert mine.round() == 2
    assert [e.data["from"] for e in mine.events] == ["+12065550100"] * 2


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_trouble_that_is_not_about_the_state_changes_nothing(redis_url: str, status: int) -> None:
    gateway = MailboxGateway()
    gateway.add("m1")
    mine = Reader(redis_url, gateway)
    mine.round()
    gateway.add("m2")
    gateway.before = lambda *_: (status, BAD_TOKEN)
    with pytest.raises(Refused) as refused:
        mine.round()
    assert refused.value.error.status == status
    gateway.before = lambda *_: None
    posts = [path for method, path, _ in gateway.asked if method == "POST"]
    assert posts == ["/messages/index"]
    assert mine.round() == 1


def test_the_state_goes_back_as_the_gateway_gave_it(redis_url: str) -> None:
    gateway = MailboxGateway()
    mine = Reader(redis_url, gateway)
    mine.rounds(2)
    assert [query for _, path, query in gateway.asked if path == "/delta"] == [{"state": "s/0+="}]


def test_an_answer_that_is_none_is_a_round_that_failed(redis_url: str) -> None:
    gateway = MailboxGateway()
    mine = Reader(redis_url, gateway)
    mine.round()
    gateway.add("m1")
    answers: list[Any] = [{}, {"deltaResponse": {}}, [], "text", {"deltaResponse": {"state": ""}}]
    for said in answers:
        gateway.before = answering("/delta", 200, said)
        with pytest.raises(Exception, match=r"deltaResponse\.state is missing"):
            mine.round()
    gateway.before = lambda *_: None
    assert mine.round() == 1


def test_no_message_is_quoted_where_a_round_fails(redis_url: str) -> None:
    gateway = MailboxGateway()
    mine = Reader(redis_url, gateway)
    said = {"RequestError": {"ServiceException": {"MessageId": "SVC0001", "Text": "+12065550100"}}}
    gateway.before = lambda *_: (500, said)
    with pytest.raises(Refused) as refused:
        mine.round()
    assert str(refused.value) == "500 SVC0001"
    assert not isinstance(refused.value, NotYet)
    assert json.dumps(said) not in repr(refused.value)
