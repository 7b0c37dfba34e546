"""What makes two notifications the same, and what does not."""

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from receiver.carriers import CALLBACKS
from receiver.carriers.callback import Event
from receiver.notification import Notification
from tests.cases import cases

BY_NAME = {callback.name: callback for callback in CALLBACKS}


def only(callback: str, body: Any) -> Event:
    encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
    notification = Notification(callback, "default", "r", 0, "application/json", encoded)
    (event,) = BY_NAME[callback].normalise(notification, ZoneInfo("UTC"))
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


def test_a_message_with_an_id_is_its_id() -> None:
    message = recorded("att/mo-camel-case")
    again = {**message, "dateTime": "2026-11-03T10:15:31+01:00"}
    assert only("att.sms.mo", message).identity == only("att.sms.mo", again).identity


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


def test_callback_data_stands_in_for_a_missing_message_id() -> None:
    event = only("att.sms.delivery-status", recorded("att/status-callback-data"))
    assert event.closes == ("order-4711", "+12075550111")


def test_a_status_without_any_id_is_never_a_duplicate_and_settles_nothing() -> None:
    event = only("att.sms.delivery-status", recorded("att/status-without-id"))
    assert (event.identity, event.closes) == ((), ())


def test_the_early_form_is_its_event_id_or_else_its_bytes() -> None:
    with_id = recorded("camara/early-connectivity-with-id")
    later = {**with_id, "event": {**with_id["event"], "eventTime": "2026-11-04T00:00:00Z"}}
    callback = "camara.notifications"
    assert only(callback, with_id).identity == only(callback, later).identity
    without = recorded("camara/early-roaming")
    later = {**without, "event": {**without["event"], "eventTime": "2026-11-04T00:00:00Z"}}
    assert only(callback, without).identity != only(callback, later).identity


def test_what_the_carrier_called_it_is_kept() -> None:
    event = only("camara.notifications", recorded("camara/reachability-numbers"))
    assert event.origin_id == "123656"
    assert event.origin_type is not None
    assert event.origin_type.endswith(".v0.reachability-data")
    assert event.origin_source == "https://notify.operator.example/device-reachability"
