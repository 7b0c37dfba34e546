"""A body takes time in proportion to its length, whatever is in it."""

import tracemalloc
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
import pytest

from receiver.carriers import CALLBACKS, att, camara
from receiver.carriers.carrier import Callback, Rejected, Request
from receiver.contract.records import Notification
from tests.support.bounds import soon
from tests.support.hostile import NUMBERS

UTC: Final = ZoneInfo("UTC")


@pytest.mark.parametrize("body", NUMBERS, ids=["minus", "point", "exponent", "sign"])
@pytest.mark.parametrize(
    "callback", [*CALLBACKS, *att.POLLED], ids=lambda callback: str(callback.name)
)
@pytest.mark.parametrize("content_type", ["application/json", ""])
def test_a_long_number_that_is_none_is_refused(
    callback: Callback, content_type: str, body: bytes
) -> None:
    with soon(), pytest.raises(Rejected):
        callback.read(Request(content_type, (), body))


@pytest.mark.parametrize(
    "kind",
    [
        "org.camaraproject." + "a" * 250_000 + ".",
        "org.camaraproject." + "a." * 125_000,
        "org.camaraproject.device-status.v0" + ".a" * 125_000 + ".",
    ],
)
def test_a_cloudevent_with_a_long_type_is_one_of_an_unknown_type(kind: str) -> None:
    event = {"specversion": "1.0", "id": "e-1", "source": "/s", "type": kind, "data": {"n": 1}}
    body = msgspec.json.encode(event)
    with soon():
        assert camara.CALLBACK.read(Request("application/cloudevents+json", (), body))
        (found,) = camara.CALLBACK.normalise(Notification("camara", "d", "r", 0, "", body), UTC)
    event["type"] = "com.example.unknown"
    body = msgspec.json.encode(event)
    (known,) = camara.CALLBACK.normalise(Notification("camara", "d", "r", 0, "", body), UTC)
    assert (found.type, found.data) == (known.type, known.data)


def test_long_texts_of_senders_are_not_kept_in_memory() -> None:
    tracemalloc.start()
    try:
        before = kept_after(range(1))
        assert kept_after(range(1, 50)) - before < 1024**2
    finally:
        tracemalloc.stop()


def kept_after(numbers: range) -> int:
    """Return the bytes in use after a CloudEvent and a message for each number, with a type and
    content types of 60 KB that are like none before.
    """
    for number in numbers:
        long = "a" * 60_000 + str(number)
        event = {"specversion": "1.0", "id": "e-1", "source": "/s", "type": long}
        event |= {"datacontenttype": f"text/{long}", "data_base64": "YQ=="}
        body = msgspec.json.encode(event)
        camara.CALLBACK.read(Request(f"application/cloudevents+json; a={long}", (), body))
        camara.CALLBACK.normalise(Notification("camara", "d", "r", 0, "", body), UTC)
        early = {"eventSubscriptionId": "s", "event": {"eventType": long}}
        body = msgspec.json.encode(early)
        camara.CALLBACK.normalise(Notification("camara", "d", "r", 0, "", body), UTC)
        said = '{"SenderAddress":"1","Message":"é"}'.encode()
        att.MESSAGES.read(Request(f"application/json; a={long}", (), said))
    return tracemalloc.get_traced_memory()[0]


OPEN, WHOLE = "<inboundSMSMessage>", '{"senderAddress":"1","message":"a"}'
PAGES = {
    "unclosed elements": OPEN * 25_000,
    "unclosed elements of other names": "".join(f"<a{n}:inboundSMSMessage>" for n in range(20_000)),
    "elements whose beginning has no end": "<inboundSMSMessage " * 25_000,
    "elements whose end has no end": OPEN + "</inboundSMSMessage " * 25_000,
    "ends alone": "<a>" + "</inboundSMSMessage>" * 25_000,
    "whole elements that are no messages": (OPEN + "</inboundSMSMessage>") * 12_000,
    "nested objects": "{" * 250_000 + "}" * 250_000,
    "nested objects with a sender": '{"senderAddress":' * 15_000 + "1" + "}" * 15_000,
    "nested objects about one with a sender": '{"a":' * 50_000 + WHOLE + "}" * 50_000,
    "nested objects with a sender each": '{"senderAddress":"1","a":' * 10_000 + "1" + "}" * 10_000,
    "many messages": "{" + WHOLE * 15_000,
    "unclosed texts": '{"a' * 150_000,
}


@pytest.mark.parametrize("page", PAGES)
def test_what_is_whole_in_a_damaged_page_is_found_in_one_pass(page: str) -> None:
    for callback in (att.INBOX, att.OUTBOX):
        text = PAGES[page]
        if callback is att.OUTBOX:
            text = text.replace("inboundSMSMessage", "deliveryInfo")
            text = text.replace("senderAddress", "deliveryStatus")
        assert callback.salvage
        with soon():
            callback.salvage(text.encode())
