"""A CloudEvent exactly as CAMARA documents it is taken by a short way; the long way would take it
too, and so does the worker.
"""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from receiver.carriers.camara import CALLBACK, binary_mode, content_type, fast_path
from receiver.carriers.camara.envelope import cloudevent
from receiver.carriers.carrier import Rejected, Request
from receiver.carriers.formats.json_body import json_value
from tests.carriers.test_hostile import content_types, headers, values

DOCUMENTED = {
    "id": "83a0d986-0866-4f38-b8c0-fc65bfcda452",
    "source": "https://notificationSendServer12.supertelco.com",
    "type": "org.camaraproject.device-reachability-status-subscriptions.v0.reachability-data",
    "specversion": "1.0",
    "datacontenttype": "application/json",
    "time": "2024-12-12T17:32:28Z",
    "data": {
        "subscriptionId": "987654321",
        "device": {"ipv4Address": {"publicAddress": "203.0.113.0", "publicPort": 59765}},
        "area": {"boundary": [{"latitude": 50.735851, "longitude": 7.10066}], "names": ["a"]},
        "roaming": True,
        "countryCode": 201,
        "reason": None,
    },
}
HEADERS = [
    (b"ce-" + name.encode(), str(DOCUMENTED[name]).encode())
    for name in ("specversion", "id", "source", "type", "time")
]
TEXTS = st.sampled_from(["", " ", "\x1c", "a\x7f", "a\x85", "\x01", "é", "\\u0001"]) | st.text()
TIMES = st.builds(
    "{}-{}-{}T{}:{}:{}{}".format,
    st.sampled_from(["0000", "0001", "0002", "1970", "2024", "9998", "9999"]),
    *(st.sampled_from(few) for few in (["01", "12", "13"], ["01", "29", "31"], ["00", "23", "24"])),
    *(st.sampled_from(few) for few in (["00", "59"], ["00", "59.9999999", "60", "59.999999999"])),
    st.sampled_from(["Z", "z", "", "+14:00", "-12:00", "+23:59", "+0100", "+24:00", "-00:00"]),
)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("id", "source", "type", "datacontenttype", "subject"), TEXTS),
        "time": TIMES | TEXTS | st.none(),
        "specversion": st.sampled_from(["1.0", "1", 1.0]),
        "data": values,
    },
)


def _body(event: Any) -> bytes:
    return json.dumps(event, ensure_ascii=False).encode("utf-8", "surrogatepass")


@given(CHANGES)
@example({"time": "0001-01-01T00:00:00+14:00"})
@example({"time": "9999-12-31T23:59:59.9999999Z"})
@example({"time": "9999-12-31T23:59:59-12:00"})
@example({"id": "a\x7f"})
@example({"source": "a\x85"})
@example({"type": "a\x01"})
@example({"id": " "})
@example({"data": {"a": float("inf")}})
def test_what_the_short_way_takes_the_long_way_takes(changes: dict[str, Any]) -> None:
    body = _body({**DOCUMENTED, **changes})
    if fast_path.is_documented(body):
        assert cloudevent(json_value(body)) is not None


@pytest.mark.parametrize("event", [DOCUMENTED, {**DOCUMENTED, "source": "ö", "id": 'a"b'}])
def test_the_short_way_is_taken(event: dict[str, Any]) -> None:
    assert fast_path.is_documented(_body(event))
    timeless = {name: value for name, value in event.items() if name != "time"}
    assert fast_path.is_documented(_body(timeless))


@pytest.mark.parametrize("name", ["id", "source", "type", "specversion", "data"])
def test_an_event_that_lacks_something_takes_the_long_way(name: str) -> None:
    body = _body({key: value for key, value in DOCUMENTED.items() if key != name})
    assert not fast_path.is_documented(body)


VALUES = st.sampled_from(
    [b"", b" ", b"a%20b", b'"a"', b"a\\b", b"a\x7f", b"\xc3\xa9", b" a", b"1.0"]
)
NOT_ALONE = [
    b'{},"id":"x"',
    b'{}, "data": {}',
    b"{} {}",
    b'{"a": 1e400}',
    b"\xef\xbb\xbf{}",
    b" {} ",
]
BODIES = st.sampled_from([*NOT_ALONE, b"", b"[]", b'"a"', b"{", b"\xff"]) | values.map(_body)


@given(
    st.dictionaries(st.sampled_from([name for name, _ in HEADERS]), VALUES | TIMES.map(str.encode)),
    st.lists(st.tuples(st.sampled_from([*dict(HEADERS), b"ce-other", b"host"]), VALUES)),
    BODIES,
)
@example({b"ce-time": b"0001-01-01T00:00:00+14:00"}, [], b"{}")
@example({}, [], b'{},"id":"x"')
@example({}, [(b"ce-id", b"b")], b"{}")
def test_both_ways_make_the_same_of_binary_mode(
    changes: dict[bytes, bytes], more: list[tuple[bytes, bytes]], body: bytes
) -> None:
    sent = [*(dict(HEADERS) | changes).items(), *more]
    short = fast_path.structured(sent, body)
    if short is not None:
        request = Request("application/json", sent, body)
        assert binary_mode._rebuilt(request, content_type.parse(request.content_type)) == short
        assert CALLBACK.read(request).accepted == (short,)


def test_binary_mode_takes_the_short_way() -> None:
    body = _body(DOCUMENTED["data"])
    for sent in (HEADERS, HEADERS[:-1], [(b"host", b"a"), *HEADERS]):
        assert fast_path.structured(sent, body) is not None
    for name, _ in HEADERS[:-1]:
        assert fast_path.structured([pair for pair in HEADERS if pair[0] != name], body) is None


@given(content_types, headers, values)
def test_an_event_in_binary_mode_is_one_in_structured_mode(
    content_type: str, more: list[tuple[bytes, bytes]], value: Any
) -> None:
    named = [(b"ce-" + name, b"1.0") for name in (b"specversion", b"id", b"source", b"type")]
    own = {name for name, _ in named}
    sent = [*named, *(pair for pair in more if pair[0] not in own)]
    try:
        (body,) = CALLBACK.read(Request(content_type, sent, _body(value))).accepted
    except (Rejected, ValueError):  # refused, or a batch
        return
    if not content_type.startswith("application/cloudevents"):
        assert CALLBACK.read(Request("application/cloudevents+json", (), body)).accepted == (body,)
