"""Every recorded request, through the carrier's functions."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from receiver.carriers.carrier import Event, Reading, Rejected
from receiver.carriers.formats.xml_body import xml_value
from receiver.contract.records import Notification
from tests.support.cases import Case, cases

CASES = [pytest.param(case, id=case.name) for case in cases()]


def events(case: Case, reading: Reading) -> list[Event]:
    return [
        event
        for body in reading.accepted
        for event in case.callback.normalise(
            Notification(case.callback.name, "default", "r-1", 0, case.content_type, body),
            ZoneInfo(case.zone),
        )
    ]


def plain(data: Mapping[str, Any]) -> Any:
    return msgspec.json.decode(msgspec.json.encode(data))


@pytest.mark.parametrize("case", CASES)
def test_a_recorded_request_is_answered_and_understood_as_recorded(case: Case) -> None:
    if case.status != 204:
        with pytest.raises(Rejected) as refusal:
            case.callback.read(case.request)
        assert (refusal.value.status, refusal.value.reason) == (case.status, case.reason)
        return
    reading = case.reading
    found = events(case, reading)
    assert [item.reason for item in reading.refused] == case.refused
    assert [(e.type, e.subject, e.basis, plain(e.data)) for e in found] == [
        (e.type, e.subject, e.basis, e.data) for e in case.events
    ]
    assert [e.time for e in found] == [
        datetime.fromisoformat(e.time) if e.time else None for e in case.events
    ]


@pytest.mark.parametrize("case", [c for c in CASES if c.values[0].status == 204])  # type: ignore[union-attr]
def test_every_event_carries_its_raw_on_one_line(case: Case) -> None:
    reading = case.callback.read(case.request)
    for body in reading.accepted:
        notification = Notification(case.callback.name, "default", "r-1", 0, "", body)
        for event in case.callback.normalise(notification, ZoneInfo("UTC")):
            encoded = msgspec.json.encode({"raw": event.raw})
            assert b"\n" not in encoded
            raw = msgspec.json.decode(encoded)["raw"]
            if isinstance(event.raw, msgspec.Raw):
                assert isinstance(raw, dict)
            else:
                assert raw == event.raw
                assert raw.strip()[0] == "<" or "=" in raw


def test_structured_events_are_kept_byte_for_byte() -> None:
    case = next(c for c in cases() if c.name == "camara/reachability-data")
    assert case.callback.read(case.request).accepted == (case.body,)


def test_an_event_whose_attributes_are_headers_keeps_its_content_type_as_an_attribute() -> None:
    case = next(c for c in cases() if c.name == "camara/binary-text")
    (kept,) = case.callback.read(case.request).accepted
    assert msgspec.json.decode(kept)["datacontenttype"] == case.content_type


def test_a_content_type_that_a_header_of_cloud_events_alone_says_is_kept() -> None:
    case = next(c for c in cases() if c.name == "camara/binary-datacontenttype-only")
    headers = [
        (name, b"text/plain" if name == b"ce-datacontenttype" else value)
        for name, value in case.request.headers
    ]
    request = msgspec.structs.replace(case.request, headers=headers, body=b"lunchtime")
    (kept,) = case.callback.read(request).accepted
    assert msgspec.json.decode(kept)["datacontenttype"] == "text/plain"


def test_characters_that_are_referred_to_by_their_halves_stand_beside_each_other() -> None:
    faces = "&#55357;&#56842;&#xD83D;&#xde00;"
    assert xml_value(f"<message>{faces}</message>") == {"message": "\U0001f60a\U0001f600"}


@pytest.mark.parametrize("case", CASES)
def test_a_refusal_names_the_fault_and_quotes_no_value(case: Case) -> None:
    reasons = [case.reason or "", *case.refused]
    for value in (b"5550111", b"55500111", b"4711", b"sub-7f3a", b"lunchtime"):
        assert not any(value.decode() in reason for reason in reasons)
