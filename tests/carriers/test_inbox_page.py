"""Pages of polled messages: every shape, each message once, and what is whole in a broken page."""

import json
from datetime import UTC
from typing import Any

import msgspec
import pytest

from receiver.carriers.att import INBOX
from receiver.carriers.carrier import Event, Rejected, Request, Unreadable
from receiver.carriers.identity import identity
from receiver.contract.records import Notification

ATT = "/sms/v3/messaging/inbox/22627000"
GSMA = "/3/smsmessaging/inbound/registrations/22627000/messages"
FIRST = {"MessageId": "msg0", "Message": "Hello", "SenderAddress": "tel:+12065550100"}
SECOND = {"MessageId": "msg1", "Message": "Hello", "SenderAddress": "tel:+12065550100"}


def att(messages: Any, batch: Any = "1", pending: Any = "0") -> bytes:
    inside = {
        "InboundSmsMessage": messages,
        "NumberOfMessagesInThisBatch": batch,
        "ResourceUrl": "https://api.att.com/sms/v3/messaging/inbox/22627000",
        "TotalNumberOfPendingMessages": pending,
    }
    return json.dumps({"InboundSmsMessageList": inside}).encode()


def events(body: bytes, asked: str = ATT, content_type: str = "application/json") -> list[Event]:
    one = Notification("att.sms.inbox", "promo", "r", 0, content_type, body, asked=asked)
    return INBOX.events(one, (UTC, "US"))


def said(body: bytes, **more: Any) -> list[tuple[str, str]]:
    return [(event.data["from"], event.data["text"]) for event in events(body, **more)]


def read(body: bytes, content_type: str = "application/json") -> tuple[int, int, int]:
    found = INBOX.read(Request(content_type, (), body))
    return found.items, found.pending, len(found.refused)


def test_a_message_has_the_registration_for_its_destination_and_no_time_of_its_own() -> None:
    (event,) = events(att([FIRST]))
    assert event.type == "sms.message.received.v1"
    assert event.data == {
        "from": "+12065550100",
        "to": "22627000",
        "text": "Hello",
        "messageId": None,
    }
    assert event.time is None
    assert json.loads(msgspec.json.encode(event.raw)) == FIRST


def test_equal_texts_of_one_sender_are_as_many_messages() -> None:
    body = att([FIRST, FIRST, SECOND], batch=3)
    found = events(body)
    assert [event.basis for event in found] == ["none"] * 3
    pages = [Notification("att.sms.inbox", "promo", r, 0, "", body, asked=ATT) for r in ("r", "s")]
    assert (
        len({identity(one, event) for one in pages for event in INBOX.events(one, (UTC, "US"))})
        == 6
    )
    assert found[2].identity == ("page", "r", "2")


@pytest.mark.parametrize("pending", ["7", 7, 7.0, " 7 "])
def test_counts_may_be_text_or_number(pending: Any) -> None:
    assert read(att([FIRST], pending=pending)) == (1, 7, 0)


@pytest.mark.parametrize("pending", ["", None, "many", [], -1, "-1", 1e30, True])
def test_a_count_that_says_nothing_is_none(pending: Any) -> None:
    assert read(att([FIRST], pending=pending)) == (1, 0, 0)


@pytest.mark.parametrize("messages", [[], None, "", {}])
def test_an_empty_inbox_is_an_empty_page(messages: Any) -> None:
    assert read(att(messages, batch="0")) == (0, 0, 0)
    assert INBOX.read(Request("", (), att(messages))).accepted == ()


@pytest.mark.parametrize("inside", ["null", '""', "[]", "{}"])
def test_so_is_an_empty_list(inside: str) -> None:
    assert read(f'{{"InboundSmsMessageList":{inside}}}'.encode()) == (0, 0, 0)


def test_one_message_may_stand_without_a_list() -> None:
    assert said(att(FIRST)) == [("+12065550100", "Hello")]


def test_names_come_in_any_case() -> None:
    assert said(att([FIRST]).lower().replace(b"hello", b"Hello")) == [("+12065550100", "Hello")]


def test_gsma_says_when_and_whereto() -> None:
    message = {
        "dateTime": "2009-11-19T12:00:00",
        "destinationAddress": "tel:+442077980000",
        "messageId": "msg1",
        "message": "Come on Barca!",
        "resourceURL": f"http://example.com/oneapi{GSMA}/msg1",
        "senderAddress": "tel:+447825123456",
    }
    inside = {
        "inboundSMSMessage": [message, {**message, "destinationAddress": None}],
        "numberOfMessagesInThisBatch": "2",
        "resourceURL": f"http://example.com/oneapi{GSMA}",
        "totalNumberOfPendingMessages": "4",
    }
    body = json.dumps({"inboundSMSMessageList": inside}).encode()
    first, second = events(body, GSMA)
    assert read(body) == (2, 4, 0)
    assert (first.data["to"], second.data["to"]) == ("+442077980000", "22627000")
    assert first.time is not None
    assert first.time.isoformat() == "2009-11-19T12:00:00+00:00"
    assert first.basis == "none"


def test_xml_is_read_with_one_message_or_several() -> None:
    message = (
        "<inboundSMSMessage><message>Grüße &amp; {}</message>"
        "<senderAddress>tel:+447825123456</senderAddress></inboundSMSMessage>"
    )
    whole = (
        '<?xml version="1.0" encoding="ISO-8859-1"?>'
        '<sms:inboundSMSMessageList xmlns:sms="urn:oma:xml:rest:sms:1">{}'
        "<totalNumberOfPendingMessages>3</totalNumberOfPendingMessages>"
        "</sms:inboundSMSMessageList>"
    )
    two = whole.format(message.format("a") + message.format("b")).encode("latin-1")
    expected = [("+447825123456", f"Grüße & {each}") for each in "ab"]
    assert said(two, content_type="application/xml") == expected
    assert read(two, "application/xml") == (2, 3, 0)
    one = whole.format(message.format("a")).encode("latin-1")
    assert said(one, content_type="application/xml") == expected[:1]
    assert read(b"<inboundSMSMessageList/>", "application/xml") == (0, 0, 0)


def test_what_is_no_message_is_kept_beside_the_others() -> None:
    body = att([FIRST, None, {"Message": "no sender"}, SECOND])
    found = INBOX.read(Request("", (), body))
    assert (found.items, [item.reason for item in found.refused]) == (
        2,
        [
            "InboundSmsMessageList.InboundSmsMessage[1]: an object is wanted",
            "InboundSmsMessageList.InboundSmsMessage[2]: SenderAddress: missing",
        ],
    )
    assert [event.identity[2] for event in events(body)] == ["0", "3"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b'{"RequestError":{"ServiceException":{"MessageId":"SVC0002"}}}',
        b"<html><body>Bad gateway</body></html>",
        att([FIRST])[:-1],
        b"\xff\xfe",
    ],
)
def test_what_is_no_page_is_refused(body: bytes) -> None:
    with pytest.raises(Rejected):
        INBOX.read(Request("", (), body))
    with pytest.raises(Unreadable):
        events(body)


def salvaged(body: bytes) -> list[str]:
    assert INBOX.salvage is not None
    page = INBOX.salvage(body)
    if page is None:
        return []
    assert INBOX.read(Request("application/json", (), page)).items
    return [text for _, text in said(page)]


def test_of_a_page_cut_anywhere_every_complete_message_comes_out() -> None:
    texts = ["a}", 'b"{', "c\\", "ü", "e"]
    body = att([{**FIRST, "Message": text} for text in texts], batch="5")
    ends = [body.index(json.dumps(text).encode()) for text in texts]
    for cut in range(len(body)):
        closed = [body.index(b"}", end + len(json.dumps(text))) + 1
                  for text, end in zip(texts, ends, strict=True)]  # fmt: skip
        assert salvaged(body[:cut]) == [
            text for text, end in zip(texts, closed, strict=True) if end <= cut
        ], cut


def test_of_cut_xml_too() -> None:
    message = (
        "<inboundSMSMessage><message>{}</message>"
        "<senderAddress>tel:+447825123456</senderAddress></inboundSMSMessage>"
    )
    body = ("<x:inboundSMSMessageList>" + message.format("a") + message.format("b")).encode()
    assert salvaged(body) == ["a", "b"]
    assert salvaged(body[:-1]) == ["a"]
    assert salvaged(body[:40]) == []


def test_a_page_broken_in_the_middle_loses_only_what_is_broken() -> None:
    body = att([FIRST, {**FIRST, "Message": "x"}, {**FIRST, "Message": "last"}])
    assert salvaged(body.replace(b'"x"', b'"x" oops')) == ["Hello", "last"]


def test_html_and_noise_hold_no_message() -> None:
    assert salvaged(b"<html>senderAddress</html>") == []
    assert salvaged(b"\x00\xff{senderaddress}" * 100) == []
