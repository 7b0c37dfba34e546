"""No input whatever makes reading raise anything but `Rejected`, or a worker but `Unreadable`."""

import contextlib
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from receiver.carriers import CALLBACKS
from receiver.carriers.carrier import Callback, Rejected, Request, Unreadable
from receiver.carriers.formats.cloudevent_text import has_control
from receiver.contract.records import Notification
from tests.support.cases import Case, cases

ALL = list(cases())
UTC = ZoneInfo("UTC")

content_types = st.sampled_from(
    [
        "",
        "application/json",
        "application/cloudevents+json; charset=utf-16",
        "application/cloudevents-batch+json",
        "application/octet-stream",
        "text/plain; charset=nonsense",
        "application/json; charset=windows-1251",
        "application/json; charset=unicode_escape",
        "application/x-www-form-urlencoded; charset=shift_jis",
        "text/xml; charset=utf-16be",
        "; ; charset=",
    ]
) | st.text(max_size=40)
headers = st.lists(
    st.tuples(
        st.sampled_from([b"ce-specversion", b"ce-id", b"ce-source", b"ce-type", b"ce-time", b"ce-"])
        | st.binary(max_size=20).map(lambda name: b"ce-" + name.lower()),
        st.sampled_from([b"1.0", b"x", b'"', b'"\\"', b"%", b"%ff"]) | st.binary(max_size=20),
    ),
    max_size=8,
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["1.0", "tel:+12075550111", "08041F", "11-03-2026T09:15:30", "0" * 14]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


SLIPS = st.sampled_from(
    [b"<", b"</", b">", b"&", b"&#55357;", b"&#xD83D;", b"&#27;", b"&#0;", b"&eacute;",
     b"<message>", b"</message>", b"<senderAddress>1</senderAddress>", b"<a>", b"</a>",
     b"<![CDATA[", b"&#99999999;",
     b"]]>", b"<!--",
     b'<?xml version="1.0" encoding="utf-16"?>', b"{", b"}", b"[", b"]", b",", b":",
     b'"SenderAddress":"1"', b'"Message":', b'"', b"\\", b"\\'", b"\\ud83d", b"\\u12", b"\0", b"\t",
     b"SenderAddress=1", b"Message=", b"%", b"%ff", b"tags%5B%5D=1", b"address", b"=", b"\n",
     b"\xed\xa0\xbd", b"\xff", b"\xfe", b"\xef\xbb\xbf", b"\xf0\x9f"]
)  # fmt: skip


def goes_through(callback: Callback, request: Request) -> None:
    try:
        reading = callback.read(request)
    except Rejected:
        return
    for body in reading.accepted:
        notification = Notification(callback.name, "default", "r", 0, request.content_type, body)
        events = callback.normalise(notification, UTC, *(["PH"] if callback.regional else []))
        assert events
        for event in events:
            out = msgspec.json.encode({**event.data, "raw": event.raw})
            assert isinstance(msgspec.json.decode(out), dict)
            assert event.time is None or 1 <= event.time.astimezone(UTC).year <= 9999
            assert (event.basis == "none") == (event.identity == ())
            for attribute in (event.subject, event.origin_type, event.origin_id):
                assert attribute is None or (attribute and not has_control(attribute))


def members(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a JSON value that holds another, and under which name or index."""
    if isinstance(value, dict | list):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield value, name
            yield from members(inner)


@given(st.sampled_from(CALLBACKS), content_types, headers, st.binary(max_size=200))
def test_arbitrary_bytes_are_read_or_rejected(
    callback: Callback, content_type: str, sent: list[tuple[bytes, bytes]], body: bytes
) -> None:
    goes_through(callback, Request(content_type, sent, body))


@given(st.sampled_from(CALLBACKS), content_types, st.lists(SLIPS, max_size=24).map(b"".join))
def test_pieces_of_every_form_are_read_or_rejected(
    callback: Callback, content_type: str, body: bytes
) -> None:
    goes_through(callback, Request(content_type, (), body))
    goes_through(
        callback, Request(content_type, (), b'{"Message":"%b","SenderAddress":"1"}' % body)
    )


TEXTS = st.text(max_size=8) | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
FIELDS = st.sampled_from(
    ["senderAddress", "message", "dateTime", "messageId", "destinationAddress", "address", "link",
     "deliveryStatus", "deliveryInfo", "deliveryInfoNotification", "inboundSMSMessageNotification",
     "inboundSMSMessage", "inboundMessage", "inboundSMSTextMessage", "inboundSMSBase64Message",
     "inboundMMSMessage", "subject", "dataCoding", "callbackData", "x"]
)  # fmt: skip
OBJECTS = st.recursive(
    TEXTS, lambda inner: st.dictionaries(FIELDS, inner, max_size=5) | st.lists(inner, max_size=2)
)


@given(st.sampled_from(CALLBACKS[:2]), st.dictionaries(FIELDS, OBJECTS, max_size=6))
def test_known_fields_in_unknown_places_are_read_or_rejected(
    callback: Callback, body: dict[str, Any]
) -> None:
    body |= {"senderAddress": "1", "message": "", "address": "1", "deliveryStatus": "x"}
    goes_through(callback, Request("", (), msgspec.json.encode(body)))


@given(st.sampled_from(CALLBACKS), content_types, headers, values)
def test_arbitrary_json_is_read_or_rejected(
    callback: Callback, content_type: str, sent: list[tuple[bytes, bytes]], value: Any
) -> None:
    goes_through(callback, Request(content_type, sent, msgspec.json.encode(value)))


@given(st.sampled_from(CALLBACKS), st.binary(max_size=200))
def test_a_body_that_was_never_read_is_unreadable_at_worst(callback: Callback, body: bytes) -> None:
    with contextlib.suppress(Unreadable):
        assert callback.normalise(Notification(callback.name, "d", "r", 0, "", body), UTC)


@given(st.sampled_from(ALL), st.data())
def test_a_recorded_request_with_bytes_changed_is_read_or_rejected(
    case: Case, data: st.DataObject
) -> None:
    body = bytearray(case.body)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(body)))
        body[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    goes_through(case.callback, Request(case.content_type, case.request.headers, bytes(body)))


@given(st.sampled_from([c for c in ALL if c.body[:1] == b"{" and c.status == 204]), st.data())
def test_a_recorded_request_with_a_member_changed_is_read_or_rejected(
    case: Case, data: st.DataObject
) -> None:
    try:
        whole = msgspec.json.decode(case.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return
    place, name = data.draw(st.sampled_from(list(members(whole))))
    place[name] = data.draw(values)
    body = msgspec.json.encode(whole)
    goes_through(case.callback, Request(case.content_type, case.request.headers, body))
