"""A small body with a lot said for many items makes neither much memory nor much to store."""

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from receiver.carriers import att, camara
from receiver.carriers.carrier import Callback, Rejected, Request, Unreadable
from receiver.carriers.formats import charset_names
from receiver.contract.records import Notification, decode_notification
from receiver.intake.accept import accept
from tests.support.bounds import soon, with_little_memory

UTC = ZoneInfo("UTC")
LONG = "m" * 120_000
ADDRESSES = ["1"] * 30_000


def pushed(callback_data: str, events: list[Any]) -> Any:
    one = {"subscriptionId": "s", "callbackData": callback_data, "notificationEvents": events}
    return {"messageNotifications": {"subscriptionNotifications": [one]}}


def status(message_id: str, *infos: Any) -> Any:
    return {"deliveryInfoNotification": {"messageId": message_id, "deliveryInfo": infos}}


SENT = {"address": ADDRESSES, "deliveryStatus": "DeliveredToTerminal"}


@pytest.mark.parametrize(
    ("callback", "value"),
    [
        (att.MESSAGE_PUSH, pushed(LONG, [{"messageId": "1"}] * 7_000)),
        (att.MESSAGE_PUSH, pushed(LONG, [{"messageId": "1"}, *[{}] * 1_000])),
        (att.STATUSES, status(LONG, SENT | {"address": "1"}, *[{}] * 1_000)),
        (att.STATUSES, status(LONG, *[SENT | {"address": "1"}] * 2_000)),
        (att.STATUSES, status(LONG, SENT)),
        (att.STATUSES, status("0" * 120_000, SENT)),
        (att.STATUSES, status("1", SENT | {f"{number}": 1 for number in range(10_000)})),
        (att.OUTBOX, status("0" * 120_000, SENT)),
    ],
    ids=[
        *("callback data", "callback data of bad events", "bad items", "items", "addresses"),
        *("addresses of no id", "addresses with members", "polled"),
    ],
)
def test_what_is_said_for_many_items_refuses_them(callback: Callback, value: Any) -> None:
    body = json.dumps(value, separators=(",", ":")).encode()
    assert len(body) <= 256 * 1024
    with (
        soon(),
        with_little_memory(),
        pytest.raises(Rejected, match=r"^body: too many items for one"),
    ):
        callback.read(Request("", (), body))


def test_a_list_of_changes_to_mailboxes_of_the_largest_size_is_taken() -> None:
    events = [{"messageId": f"WU{number:04}", "event": "ADD"} for number in range(6_000)]
    body = json.dumps(pushed("tel:+12065550100", events)).encode()
    assert 200 * 1024 < len(body) <= 256 * 1024
    assert len(att.MESSAGE_PUSH.read(Request("", (), body)).accepted) == 6_000


def test_a_long_content_type_is_not_stored_with_each_event_of_a_batch() -> None:
    event = {"specversion": "1.0", "id": "e", "source": "/s", "type": "t"}
    body = json.dumps([event] * 4_000, separators=(",", ":")).encode()
    assert len(body) <= 256 * 1024
    kind = f"application/cloudevents-batch+json; a={'a' * 60_000}; charset=utf-8"
    with soon(), with_little_memory():
        found = accept(camara.CALLBACK, "d", "r", 0, Request(kind, (), body), "")
        assert len(found.notifications) == 4_000
        assert max(map(len, found.notifications)) < 1_024
    assert decode_notification(found.notifications[0]).content_type.startswith("application/cloud")


TEXT = '{"SenderAddress":"1","Message":"привет"}'
SETS = ["windows-1251", "koi8-r", "utf-8", "UTF-16", "iso-8859-5", "nonsense", ""]


@pytest.mark.parametrize("charset", SETS)
@pytest.mark.parametrize(
    "form",
    [
        "application/json; a={long}; charset={charset}",
        "{long}; charset={charset}",
        "application/json charset={charset} {long}",
        "charset={charset}; {long}",
        " {blank}; charset={charset}",
    ],
)
def test_what_is_stored_of_a_long_content_type_reads_the_body_as_the_whole_does(
    charset: str, form: str
) -> None:
    kind = form.format(charset=charset, long="a" * 60_000, blank=" " * 60_000)
    kept = charset_names.shortened(kind)
    assert len(kept) <= charset_names.LONGEST
    assert charset_names.declared(kept) == charset_names.declared(kind)


def test_a_body_with_a_long_content_type_comes_out_as_it_was_meant() -> None:
    kind = f"application/json; a={'a' * 60_000}; charset=windows-1251"
    request = Request(kind, (), TEXT.encode("windows-1251"))
    (record,) = accept(att.MESSAGES, "d", "r", 0, request, "").notifications
    (event,) = att.MESSAGES.events(decode_notification(record), (UTC, "US"))
    assert event.data["text"] == "привет"


SHORT = {"address": "tel:+12065550001", "deliveryStatus": "DeliveredToTerminal"}


@pytest.mark.parametrize(
    ("callback", "value", "asked", "made"),
    [
        (att.STATUSES, status("m" * 3_000, *[SHORT] * 2_000), "", 2_000),
        (att.STATUSES, status("m", SHORT, *[{}] * 1_500), "", 1),
        (att.OUTBOX, status("m" * 3_000, *[SHORT] * 2_000), "/outbox/m", 2_000),
        (
            att.INBOX,
            {
                "InboundSmsMessageList": {
                    "InboundSmsMessage": [{"SenderAddress": "1", "Message": "a"}, *[{}] * 1_500]
                }
            },
            "",
            1,
        ),
    ],
    ids=["items", "bad items", "polled", "polled bad items"],
)
def test_what_an_older_version_has_taken_comes_out_though_it_would_be_refused_today(
    callback: Callback, value: Any, asked: str, made: int
) -> None:
    body = json.dumps(value, separators=(",", ":")).encode()
    with pytest.raises(Rejected, match=r"^body: too many"):
        callback.read(Request("", (), body))
    stored = Notification(callback.name, "d", "r", 0, "", body, asked=asked)
    with soon():
        assert len(callback.events(stored, (UTC, "US"))) == made


def test_what_would_fill_a_worker_s_memory_is_a_dead_letter_whoever_has_taken_it() -> None:
    body = json.dumps(status(LONG, SENT), separators=(",", ":")).encode()
    stored = Notification(att.STATUSES.name, "d", "r", 0, "", body)
    with soon(), with_little_memory(), pytest.raises(Unreadable, match=r"^body: too many items"):
        att.STATUSES.events(stored, (UTC, "US"))
