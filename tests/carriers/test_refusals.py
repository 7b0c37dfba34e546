"""What every callback refuses, whoever the carrier is."""

import gzip

import pytest

from receiver.carriers import CALLBACKS, att, camara
from receiver.carriers.carrier import Callback, Rejected, Request
from receiver.carriers.formats.json_body import MAX_DEPTH

JSON = "application/json"

HOSTILE = {
    "empty": b"",
    "blank": b" \r\n\t",
    "truncated": b'{"id": "e-1", "data": {"a',
    "trailing": b'{"id": "e-1"}}',
    "a text": b'"words"',
    "a number": b"17",
    "null": b"null",
    "a list": b"[]",
    "an empty object": b"{}",
    "somebody else's object": b'{"hello": "world"}',
    "too deep": b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
    "far too deep": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "far too deep and open": b"[" * 100_000,
    "XML, too deep": b"<a>" * 5_000 + b"</a>" * 5_000,
    "XML, cut": b"<a><b>",
    "XML, external entity": b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a>&b;</a>',
    "XML, undefined entity": b"<a>&b;</a>",
    "not a number": b'{"a": NaN}',
    "infinite": b'{"a": -Infinity}',
    "a huge exponent": b'{"a": 1e999999}',
    "a huge integer": b'{"a": ' + b"9" * 10_000 + b"}",
    "NUL": b"\0",
    "NUL in JSON": b'{"a": "\0"}',
    "bytes": bytes(range(256)),
    "gzip": gzip.compress(b'{"hello": "world"}'),
    "a lone surrogate": b'{"a": "\\ud83d"}',
    "a form of nothing": b"&=&=",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("callback", CALLBACKS, ids=lambda c: c.name)
def test_what_no_carrier_sends_is_refused_with_400(callback: Callback, body: bytes) -> None:
    with pytest.raises(Rejected) as refusal:
        callback.read(Request(JSON, (), body))
    assert refusal.value.status == 400
    assert len(refusal.value.reason) < 200


@pytest.mark.parametrize("callback", CALLBACKS, ids=lambda c: c.name)
def test_an_error_answer_is_json_in_the_carriers_own_form(callback: Callback) -> None:
    for status in (400, 401, 403, 404, 405, 408, 413, 415, 429, 503):
        content_type, body = callback.problem(status, "why")
        assert content_type.endswith("json")
        assert b'"why"' in body
        assert str(status).encode() in body


GOOD = {
    "att.sms.mo": '{"Message": "m", "SenderAddress": "tel:+12065550100", "Extra": %s}',
    "att.sms.delivery-status": '{"deliveryStatus": "x", "address": "1", "Extra": %s}',
    "att.messages.push": '{"messageNotifications": {"subscriptionNotifications": ['
    '{"notificationEvents": [{"messageId": "1"}]}]}, "Extra": %s}',
    "camara.notifications": '{"specversion": "1.0", "id": "1", "source": "/s", "type": "t",'
    ' "data": %s}',
}


@pytest.mark.parametrize("callback", CALLBACKS, ids=lambda c: c.name)
@pytest.mark.parametrize(("opening", "closing"), [('{"a":', "}"), ("[", "]")])
def test_a_body_as_deep_as_allowed_is_taken_and_one_level_more_is_refused(
    callback: Callback, opening: str, closing: str
) -> None:
    def deep(levels: int) -> Request:
        inner = opening * (levels - 1) + "1" + closing * (levels - 1)
        return Request(JSON, (), (GOOD[callback.name] % inner).encode())

    assert len(callback.read(deep(MAX_DEPTH)).accepted) == 1
    with pytest.raises(Rejected, match="body: nested too deep"):
        callback.read(deep(MAX_DEPTH + 1))


@pytest.mark.parametrize(("opening", "closing"), [('{"a":', "}"), ("[", "]")])
def test_data_in_binary_mode_is_a_level_inside_its_event(opening: str, closing: str) -> None:
    head = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}
    headers = [(f"ce-{name}".encode(), value.encode()) for name, value in head.items()]

    def deep(levels: int) -> Request:
        return Request(JSON, headers, (opening * levels + "1" + closing * levels).encode())

    (body,) = camara.CALLBACK.read(deep(MAX_DEPTH - 1)).accepted
    assert camara.CALLBACK.read(Request(JSON, (), body)).accepted == (body,)
    with pytest.raises(Rejected, match="body: nested too deep"):
        camara.CALLBACK.read(deep(MAX_DEPTH))


def test_xml_as_deep_as_allowed_is_taken_and_one_level_more_is_refused() -> None:
    def deep(levels: int) -> Request:
        inner = "<a>" * (levels - 1) + "</a>" * (levels - 1)
        said = "<senderAddress>1</senderAddress><message>m</message>"
        return Request("", (), f"<inboundSMSMessage>{said}{inner}</inboundSMSMessage>".encode())

    assert len(att.MESSAGES.read(deep(MAX_DEPTH)).accepted) == 1
    with pytest.raises(Rejected, match="body: nested too deep"):
        att.MESSAGES.read(deep(MAX_DEPTH + 1))


def test_a_list_of_nothing_but_trouble_is_refused_as_a_whole() -> None:
    good = b'{"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}'
    lists = {
        "camara.notifications": b"[" + good + b",0" * 100_000 + b"]",
        "att.sms.mo": b'{"inboundSMSMessageList": {"inboundSMSMessage": ['
        b'{"message": "m", "senderAddress": "tel:+12075550111"}' + b",{}" * 80_000 + b"]}}",
    }
    for callback in CALLBACKS:
        if callback.name in lists:
            request = Request("application/cloudevents-batch+json", (), lists[callback.name])
            with pytest.raises(Rejected, match="too many bad items"):
                callback.read(request)


def test_names_and_paths_are_unique() -> None:
    assert len({callback.name for callback in CALLBACKS}) == len(CALLBACKS)
    assert len({callback.path for callback in CALLBACKS}) == len(CALLBACKS)
