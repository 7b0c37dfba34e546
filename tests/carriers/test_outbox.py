"""Delivery statuses that are asked for: both signatures, and the same as when they are pushed."""

import json
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from receiver.carriers import att
from receiver.carriers.att import outbox
from receiver.carriers.carrier import Event, Reading, Rejected, Request, Unreadable
from receiver.carriers.identity import identity
from receiver.contract.records import Notification

UTC = ZoneInfo("UTC")
ASKED = "/sms/v3/messaging/outbox/SMSa9b4e1c25e2f8a0f"


def polled(
    body: Any, asked: str = ASKED, content_type: str = "application/json"
) -> tuple[Notification, list[Event]]:
    encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
    one = Notification(outbox.NAME, "promo", "r", 0, content_type, encoded, asked=asked)
    return one, outbox.normalise(one, UTC)


def info(address: str, status: str, **more: Any) -> dict[str, Any]:
    return {"Id": "msg0", "Address": address, "DeliveryStatus": status, **more}


def documented(*infos: Any) -> dict[str, Any]:
    url = "https://api.att.com/sms/v3/messaging/outbox/SMSc04091ed284f5684"
    return {"DeliveryInfoList": {"DeliveryInfo": list(infos), "ResourceUrl": url}}


def test_one_event_per_address_with_the_id_that_was_asked_for() -> None:
    body = documented(
        info("tel:+12065550100", "DeliveredToNetwork"),
        info("tel:+12065550101", "DeliveredToTerminal"),
    )
    _, events = polled(body)
    assert [(each.data["to"], each.data["status"], each.data["final"]) for each in events] == [
        ("+12065550100", "sent", False),
        ("+12065550101", "delivered", True),
    ]
    assert {each.data["messageId"] for each in events} == {"SMSa9b4e1c25e2f8a0f"}
    assert {each.type for each in events} == {"sms.delivery.updated.v1"}


ONEAPI = "/3/smsmessaging/outbound/requests/tel%3A%2B5598765/abc123/deliveryInfos"
XML = (
    b'<?xml version="1.0"?><msg:deliveryInfoList xmlns:msg="urn:oma:xml:rest:netapi:messaging:1">'
    b"<deliveryInfo><address>tel:+12065550100</address>"
    b"<deliveryStatus>DeliveryImpossible</deliveryStatus></deliveryInfo>"
    b"<resourceURL>http://e/x</resourceURL></msg:deliveryInfoList>"
)


@pytest.mark.parametrize(
    "body",
    [
        {
            "deliveryInfoList": {
                "deliveryInfo": [
                    {"address": "tel:+12065550100", "deliveryStatus": "DeliveryImpossible"}
                ],
                "resourceURL": "http://e/x",
            }
        },
        {
            "deliveryInfoList": {
                "deliveryInfo": {
                    "address": "tel:+12065550100",
                    "deliveryStatus": "DeliveryImpossible",
                }
            }
        },
        XML,
    ],
    ids=["list", "object", "xml"],
)
def test_oneapi_as_a_list_as_one_object_and_as_xml(body: Any) -> None:
    _, (event,) = polled(body, ONEAPI, "application/xml" if body is XML else "application/json")
    assert event.data["messageId"] == "abc123"
    assert (event.data["to"], event.data["status"]) == ("+12065550100", "failed")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (ASKED, "SMSa9b4e1c25e2f8a0f"),
        (ASKED + "/", "SMSa9b4e1c25e2f8a0f"),
        (ONEAPI, "abc123"),
        ("/1/smsmessaging/outbound/tel%3A%2B5598765/requests/a%2Fb/deliveryInfos", "a/b"),
        ("/", ""),
        ("", ""),
    ],
)
def test_the_message_id_is_in_the_path_of_our_request(asked: str, found: str) -> None:
    assert outbox.message_id(asked) == found


@pytest.mark.parametrize("status", ["DeliveredToNetwork", " DeliveredToTerminal ", "SomethingNew"])
def test_a_status_that_comes_by_push_too_is_the_same(status: str) -> None:
    body = {
        "deliveryInfoNotification": {
            "messageId": "SMSa9b4e1c25e2f8a0f",
            "deliveryInfo": {"address": "tel:12065550100", "deliveryStatus": status},
        }
    }
    pushed = Notification("att.sms.delivery-status", "promo", "p", 9, "", json.dumps(body).encode())
    (one,) = att.STATUSES.normalise(pushed, UTC)
    notification, (other,) = polled(documented(info("tel:+12065550100", status)))
    assert identity(notification, other) == identity(pushed, one) != b""
    assert other.closes == one.closes
    assert other.data == one.data


@pytest.mark.parametrize(
    "empty",
    [
        documented(),
        documented(None),
        {"DeliveryInfoList": {"DeliveryInfo": None}},
        {"DeliveryInfoList": None},
    ],
)
def test_an_answer_without_items_has_no_status_and_no_fault(empty: Any) -> None:
    body = json.dumps(empty).encode()
    assert outbox.statuses(body, "") == []
    assert outbox.read(Request("", (), body)) == Reading((), ())


def test_an_item_that_cannot_be_read_is_kept_and_its_neighbours_count() -> None:
    body = documented(info("tel:+12065550100", "DeliveryImpossible"), {"Id": "msg1"})
    encoded = json.dumps(body).encode()
    assert outbox.statuses(encoded, "") == [
        outbox.Status("+12065550100", "DeliveryImpossible", final=True)
    ]
    reading = outbox.read(Request("application/json", (), encoded))
    assert reading.accepted == (encoded,)
    assert reading.items == 1
    assert "address" in reading.refused[0].reason
    assert len(polled(body)[1]) == 1


def test_of_several_addresses_each_event_has_its_own_part_of_the_answer() -> None:
    infos = [info(f"tel:+1206555010{n}", "DeliveredToTerminal") for n in range(2)]
    _, events = polled(documented(*infos))
    assert [msgspec.json.decode(event.raw) for event in events] == infos
    assert [event.item for event in events] == [(1, 2), (2, 2)]


@pytest.mark.parametrize("body", [b"", b"null", b"<html>", b'{"RequestError": {}}', b"{", b"[]"])
def test_what_is_no_answer_is_rejected_and_would_be_a_dead_letter(body: bytes) -> None:
    with pytest.raises(Rejected):
        outbox.statuses(body, "")
    with pytest.raises(Unreadable):
        polled(body)


def ended(**more: Any) -> Event:
    body = outbox.encode_ended(outbox.Ended(**more))
    return polled(body, content_type=outbox.ENDED)[1][0]


@pytest.mark.parametrize("reason", ["gone", "expired"])
def test_the_end_without_a_final_status_is_unknown_and_says_why(reason: str) -> None:
    event = ended(reason=reason, address="tel:+12065550100")
    assert event.type == "sms.delivery.updated.v1"
    assert event.data == {
        "late": False,
        "messageId": "SMSa9b4e1c25e2f8a0f",
        "to": "+12065550100",
        "status": "unknown",
        "providerStatus": None,
        "final": True,
        "reason": reason,
    }
    assert event.subject == "+12065550100"
    assert event.identity
    assert ended(reason=reason).data["to"] is None


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"reason": 7}'])
def test_an_end_that_cannot_be_read_would_be_a_dead_letter(body: bytes) -> None:
    with pytest.raises(Unreadable, match="not the end of a watch"):
        polled(body, content_type=outbox.ENDED)


@pytest.mark.parametrize(
    ("answer", "raw"), [('{"RequestError": {}}', b'{"RequestError": {}}'), ("<html", "<html")]
)
def test_the_answer_that_said_gone_is_kept_as_it_came(answer: str, raw: bytes | str) -> None:
    found = ended(reason="gone", answer=answer).raw
    assert (bytes(found) if isinstance(raw, bytes) else found) == raw  # type: ignore[arg-type]


def test_a_placeholder_is_no_message_id() -> None:
    with pytest.raises(Unreadable, match="message id"):
        polled(documented(), "/sms/v3/messaging/outbox/0")


@pytest.mark.parametrize("written", ["tel:+12065550100", "+12065550100", "12065550100"])
def test_an_address_is_one_however_it_is_written(written: str) -> None:
    body = json.dumps(documented(info(written, "DeliveredToNetwork"))).encode()
    assert [one.address for one in outbox.statuses(body, "")] == ["+12065550100"]
