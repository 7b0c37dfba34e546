"""A body exactly as AT&T documents it means what the same body means with a member more in it."""

import json
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.carriers import att
from receiver.carriers.att import fast_path
from receiver.carriers.carrier import Callback, Event, Unreadable
from receiver.contract.records import Notification

ZONE = ZoneInfo("America/New_York")
ADDRESSES = st.sampled_from(
    ["tel:+12075550111", "2075550111", "52345678", "+442079460000", "", " ", "\x1c", "x@y"]
)
TEXTS = st.text(max_size=12) | st.sampled_from(["", " ", "msg0", "00480069", "04-15-2011T12:00:00"])
MESSAGES = st.fixed_dictionaries(
    {
        "SenderAddress": ADDRESSES,
        "DestinationAddress": ADDRESSES,
        "Message": TEXTS,
        "MessageId": TEXTS,
        "DateTime": TEXTS,
    }
)
STATUSES = st.tuples(TEXTS, ADDRESSES, st.sampled_from([" DeliveredToTerminal", "", "\t", "New"]))


def understood(callback: Callback, body: Any) -> list[Event]:
    encoded = json.dumps(body).encode()
    try:
        found = callback.normalise(Notification(callback.name, "", "r", 0, "", encoded), ZONE)
    except Unreadable:
        return []
    return [msgspec.structs.replace(event, raw="") for event in found]


@given(MESSAGES)
def test_a_documented_message_means_the_same_with_a_member_more(message: dict[str, str]) -> None:
    longer = {**message, "Extra": 1}
    assert understood(att.MESSAGES, message) == understood(att.MESSAGES, longer)


@given(STATUSES)
def test_a_documented_status_means_the_same_with_a_member_more(parts: tuple[str, str, str]) -> None:
    message_id, address, status = parts
    info = {"address": address, "deliveryStatus": status}
    notification = {"messageId": message_id, "deliveryInfo": info}
    short = {"deliveryInfoNotification": notification}
    longer = {"deliveryInfoNotification": {**notification, "extra": 1}}
    callback = att.STATUSES
    assert understood(callback, short) == understood(callback, longer)


@pytest.mark.parametrize("member", ["SenderAddress", "Message"])
def test_of_a_member_that_is_there_twice_the_last_counts(member: str) -> None:
    first = {"DestinationAddress": "1", "MessageId": "", "DateTime": ""}
    names = {"SenderAddress": "a", "Message": "b"}
    text = json.dumps({**names, **first})[:-1] + f', "{member}": "last"}}'
    longer = text[:-1] + ', "Extra": 1}'
    assert fast_path.message(text.encode())
    callback, said = att.MESSAGES, []
    for body in (text, longer):
        (event,) = callback.normalise(Notification("", "", "", 0, "", body.encode()), ZONE)
        said.append(msgspec.structs.replace(event, raw=""))
    assert said[0] == said[1]


def test_the_short_way_is_taken() -> None:
    info = b'{"address":"tel:+12075550111","deliveryStatus":"DeliveredToTerminal"}'
    body = b'{"deliveryInfoNotification":{"messageId":"m","deliveryInfo":%b}}' % info
    assert fast_path.status(body)
    assert not fast_path.status(body.replace(b'"m"', b"null"))
