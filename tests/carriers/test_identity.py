"""What makes two notifications the same, and what does not."""

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from receiver.carriers import CALLBACKS
from receiver.carriers.carrier import Event
from receiver.contract.records import Notification
from tests.support.cases import cases

BY_NAME = {callback.name: callback for callback in CALLBACKS}


def only(callback: str, body: Any, zone: str = "UTC") -> Event:
    encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
    notification = Notification(callback, "default", "r", 0, "application/json", encoded)
    (event,) = BY_NAME[callback].normalise(notification, ZoneInfo(zone))
    return event


def recorded(name: str) -> Any:
    return json.loads(next(case.body for case in cases() if case.name == name))


def test_three_reachability_events_with_one_id_and_source_are_three() -> None:
    bodies = [recorded(f"camara/reachability-{name}") for name in ("data", "sms", "disconnected")]
    assert len({(body["id"], body["source"]) for body in bodies}) == 1
    assert len({only("camara.notifications", body).identity for body in bodies}) == 3


@pytest.mark.parametrize("member", ["SenderAddress", "DestinationAddress", "DateTime", "Message"])
def test_a_message_without_an_id_is_its_sender_destination_time_and_text(member: str) -> None:
    message = recorded("att/mo-documented")
    other = {**message, member: "29156047"}
    assert only("att.sms.mo", message).identity == only("att.sms.mo", dict(message)).identity
    assert only("att.sms.mo", message).identity != only("att.sms.mo", other).identity


@pytest.mark.parametrize(
    "member", ["messageId", "senderAddress", "destinationAddress", "dateTime", "message"]
)
def test_a_message_with_an_id_is_its_id_and_all_that_it_says(member: str) -> None:
    message = recorded("att/mo-camel-case")
    other = {**message, member: "29156047"}
    assert only("att.sms.mo", message).basis == only("att.sms.mo", other).basis == "provider-id"
    assert only("att.sms.mo", message).identity == only("att.sms.mo", dict(message)).identity
    assert only("att.sms.mo", message).identity != only("att.sms.mo", other).identity


PLACEHOLDERS = [
    *("", "  ", "0", "-1", "None", "N/A", "Not Available", "null", "undefined"),
    *("00000000-0000-0000-0000-000000000000", "{00000000-0000-0000-0000-000000000000}"),
    *("0x0L", "000", "-", "NULL", "(null)", "n.a.", "not_available", "unknown", "[object Object]"),
    *("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", 0, -1, 0.0, None, "NaN", "-1.0", "nil"),
]


@pytest.mark.parametrize("placeholder", PLACEHOLDERS)
def test_what_stands_for_no_id_is_none(placeholder: Any) -> None:
    message = {**recorded("att/mo-documented"), "MessageId": placeholder}
    event = only("att.sms.mo", message)
    assert (event.basis, event.origin_id, event.data["messageId"]) == ("fingerprint", None, None)
    status = recorded("att/status-documented")
    status["deliveryInfoNotification"]["messageId"] = placeholder
    event = only("att.sms.delivery-status", status)
    assert (event.identity, event.closes, event.data["messageId"]) == ((), (), None)


@pytest.mark.parametrize("real", ["1", "17", "-2", "na-1", "item-0", "0-1", "0x1", "1.5e3", "ffff"])
def test_what_looks_a_little_like_it_is_an_id(real: str) -> None:
    message = {**recorded("att/mo-documented"), "MessageId": real}
    assert only("att.sms.mo", message).basis == "provider-id"


def test_a_number_is_the_same_id_however_it_is_written() -> None:
    message = recorded("att/mo-camel-case")
    ids = (17, "17", 17.0)
    assert len({only("att.sms.mo", {**message, "messageId": one}).identity for one in ids}) == 1


@pytest.mark.parametrize(
    "time", ["", " ", "null", "N/A", "0000-00-00 00:00:00", "01-01-1970T00:00:00", "0001-01-01"]
)
def test_a_time_that_says_nothing_makes_no_two_texts_one(time: str) -> None:
    message = {**recorded("att/mo-documented"), "DateTime": time}
    assert only("att.sms.mo", message).identity == ()


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize(
    "time",
    [
        *("0001-01-01T00:00:00", "01-01-0001T00:00:00", "1/1/0001 12:00:00 AM", "0001-01-01"),
        *("0001-01-01T00:00:00+02:00", "0000-00-00T00:00:00", "00-00-0000T00:00:00"),
        *("1970-01-01T00:00:00", "-62135596800000"),
    ],
)
def test_a_time_that_nobody_has_set_says_nothing_in_any_zone(time: str, zone: str) -> None:
    message = {**recorded("att/mo-documented"), "DateTime": time}
    assert only("att.sms.mo", message, zone).identity == ()


@pytest.mark.parametrize("time", ["lunch at 0001", "13-15-2011T12:00:00", "0012-01-01X", "-5 min"])
def test_a_time_that_cannot_be_read_still_tells_texts_apart(time: str) -> None:
    message = {**recorded("att/mo-documented"), "DateTime": time}
    assert only("att.sms.mo", message).basis == "fingerprint"


def test_an_items_own_id_counts_and_not_its_wrappers() -> None:
    item = {"messageId": "own", "senderAddress": "tel:+12075550111", "message": "m"}
    wrapped = {"inboundSMSMessageNotification": {"messageId": "all", "inboundSMSMessage": item}}
    assert only("att.sms.mo", wrapped).origin_id == "own"


def test_an_address_is_the_same_in_every_spelling() -> None:
    documented, captured = recorded("att/status-documented"), recorded("att/status-captured-2013")
    callback = "att.sms.delivery-status"
    assert only(callback, documented).identity == only(callback, captured).identity


def test_a_status_is_message_address_and_status_and_settles_message_and_address() -> None:
    callback = "att.sms.delivery-status"
    sent = only(callback, recorded("att/status-to-network"))
    delivered = only(callback, recorded("att/status-documented"))
    assert sent.identity != delivered.identity
    assert sent.closes == delivered.closes == ("0x1a2b3C4d5eL", "+12075550111")
    assert (sent.data["final"], delivered.data["final"]) == (False, True)


def test_late_is_the_first_member_of_a_status() -> None:
    for case in cases():
        for event in case.events:
            if event.type == "sms.delivery.updated.v1":
                assert next(iter(event.data)) == "late"
    delivered = only("att.sms.delivery-status", recorded("att/status-documented"))
    assert next(iter(delivered.data.items())) == ("late", False)


def test_callback_data_alone_tells_nothing_apart_and_settles_nothing() -> None:
    event = only("att.sms.delivery-status", recorded("att/status-callback-data"))
    assert (event.identity, event.closes) == ((), ())


LINK = [{"rel": "OutboundSMSMessageRequest", "href": "https://api.example/requests/1"}]


@pytest.mark.parametrize(
    "reference",
    [{"link": LINK}, {"link": LINK[0]}, {"referenceCode": "r-1"}, {"resourceURL": "/1"}],
)
def test_a_reference_is_part_of_what_a_status_is(reference: dict[str, Any]) -> None:
    def event(status: str = "Sent", address: str = "17", **more: Any) -> Event:
        info = {"address": address, "deliveryStatus": status}
        said = {"callbackData": "campaign", "deliveryInfo": info} | more
        return only("att.sms.delivery-status", {"deliveryInfoNotification": said})

    (name,) = reference
    one = event(**reference)
    assert one.basis == "composite"
    assert one.identity == event(**reference).identity
    others = [
        event(**{name: "https://api.example/requests/2"}),
        event(**reference, callbackData="another"),
        event(**reference, status="Failed"),
        event(**reference, address="18"),
    ]
    assert len({each.identity for each in [one, *others]}) == 5
    assert one.closes
    assert one.closes == others[2].closes
    assert len({each.closes for each in [one, *others]}) == 4


def test_a_link_to_a_subscription_is_shared_by_all_its_statuses() -> None:
    said = recorded("att/status-callback-data")
    said["deliveryInfoNotification"]["link"] = {
        "rel": "Subscription",
        "href": "https://a.example/1",
    }
    assert only("att.sms.delivery-status", said).identity == ()


def test_a_status_without_any_id_is_never_a_duplicate_and_settles_nothing() -> None:
    event = only("att.sms.delivery-status", recorded("att/status-without-id"))
    assert (event.identity, event.closes) == ((), ())


@pytest.mark.parametrize("attribute", ["source", "id", "type", "time"])
def test_a_cloudevent_is_its_source_id_type_and_time(attribute: str) -> None:
    event = recorded("camara/reachability-data")
    other = {**event, attribute: "2026-01-31T12:00:00Z"}
    callback = "camara.notifications"
    assert only(callback, event).identity == only(callback, {**event, "more": 1}).identity
    assert only(callback, event).identity != only(callback, other).identity
    assert only(callback, other).basis == "provider-id"


@pytest.mark.parametrize("change", [{"time": None}, {"time": ""}, {"id": "0"}, {"id": "N/A"}])
def test_a_cloudevent_without_a_time_or_an_id_is_what_it_says(change: dict[str, Any]) -> None:
    event = recorded("camara/reachability-data") | change
    others = [
        {**event, "data": {**event["data"], "subscriptionId": "another"}},
        {**event, "source": "/another"},
        {**event, "type": "org.example.another"},
    ]
    callback = "camara.notifications"
    assert only(callback, event).identity == only(callback, {**event, "trace": "another"}).identity
    assert len({only(callback, one).identity for one in [event, *others]}) == 4
    assert only(callback, event).basis == ("fingerprint" if "id" in change else "provider-id")


def early(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = recorded("camara/early-connectivity-with-id")
    return found | {"event": found["event"] | changes}


def test_the_early_form_is_its_event_id_subscription_type_and_time() -> None:
    callback = "camara.notifications"
    one = only(callback, early())
    assert one.identity == only(callback, json.dumps(early(), indent=4).encode()).identity
    others = [
        early(eventTime="2026-11-04T00:00:00Z"),
        early(eventId="another"),
        early(eventType="ROAMING_STATUS"),
    ]
    other = early()
    other["eventSubscriptionId"] = "another"
    other["event"]["eventDetail"].pop("subscriptionId", None)
    same = early()
    same["event"]["eventDetail"].pop("subscriptionId", None)
    assert len({only(callback, each).identity for each in [early(), *others]}) == 4
    assert only(callback, same).identity != only(callback, other).identity


@pytest.mark.parametrize("placeholder", [None, "", "-1", "none", "0000"])
def test_the_early_form_without_an_event_id_is_its_bytes(placeholder: Any) -> None:
    callback = "camara.notifications"
    one, other = early(eventId=placeholder), early(eventId=placeholder, eventTime="2026-11-04")
    assert only(callback, one).basis == "fingerprint"
    assert only(callback, one).identity == only(callback, dict(one)).identity
    assert only(callback, one).identity != only(callback, other).identity


def test_what_the_carrier_called_it_is_kept() -> None:
    event = only("camara.notifications", recorded("camara/reachability-numbers"))
    assert event.origin_id == "123656"
    assert event.origin_type is not None
    assert event.origin_type.endswith(".v0.reachability-data")
    assert event.origin_source == "https://notify.operator.example/device-reachability"
