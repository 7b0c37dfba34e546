"""A number that no double holds is read as the text that it is, on every way a body comes."""

import base64
import json
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from receiver.carriers import att, camara
from receiver.carriers.carrier import Callback, Rejected, Request
from receiver.carriers.formats import json_repair
from receiver.contract.records import Notification

UTC = ZoneInfo("UTC")
JSON = "application/json"
DATA = b'{"n": 1e400, "far": [-1E+999, 12], "digits": ' + b"9" * 5000 + b', "text": "1e400"}'
READ = {"n": "1e400", "far": ["-1E+999", 12], "digits": "9" * 5000, "text": "1e400"}
EVENT = (
    b'{"specversion": "1.0", "id": "e-1", "source": "/s", "type": "com.example.probe", "data": %b}'
)
HEADERS = [
    *((b"ce-specversion", b"1.0"), (b"ce-id", b"e-1"), (b"ce-source", b"/s")),
    (b"ce-type", b"com.example.probe"),
]


def come_out(callback: Callback, request: Request) -> tuple[dict[str, Any], Any]:
    """The data of the event that one notification makes, and its raw body, read strictly."""
    (body,) = callback.read(request).accepted
    one = Notification(callback.name, "default", "r", 0, request.content_type, body)
    (event,) = callback.normalise(one, UTC)
    return dict(event.data), json.loads(
        msgspec.json.encode(event.raw), parse_constant=pytest.fail, parse_float=within
    )


def within(digits: str) -> float:
    assert abs(float(digits)) < float("inf")
    return float(digits)


@pytest.mark.parametrize(
    "request_",
    [
        Request(JSON, (), EVENT % DATA),
        Request("application/cloudevents-batch+json", (), b"[%b]" % (EVENT % DATA)),
        Request(JSON, HEADERS, DATA),
        Request("", HEADERS, DATA),
        Request("", (), EVENT % DATA),
    ],
    ids=["structured", "batch", "binary", "binary without a type", "without a type"],
)
def test_a_cloudevent_is_published_and_readable(request_: Request) -> None:
    data, raw = come_out(camara.CALLBACK, request_)
    assert data["payload"] == raw["data"] == READ


def test_data_in_base64_are_read_too() -> None:
    event = {"specversion": "1.0", "id": "e-1", "source": "/s", "type": "com.example.probe"}
    event["data_base64"] = base64.b64encode(DATA).decode()
    data, _ = come_out(camara.CALLBACK, Request(JSON, (), json.dumps(event).encode()))
    assert data["payload"] == READ


def test_a_message_of_att_is_published_and_readable() -> None:
    body = b'{"SenderAddress": "12065550100", "Message": 1e400, "more": [%b, NaN]}' % DATA
    data, raw = come_out(att.MESSAGES, Request(JSON, (), body))
    assert (data["text"], raw["Message"]) == ("1e400", "1e400")
    assert raw["more"] == [READ, "NaN"]


@pytest.mark.parametrize("number", ["1e308", "-2.5E-400", "0", "17", "9" * 309, "0." + "3" * 400])
def test_what_a_double_holds_stays_a_number(number: str) -> None:
    assert json_repair.readable_numbers(f"[{number}]") == f"[{number}]"


@pytest.mark.parametrize("body", ["[1e400", "[01e400]", "[1e400.]", "[.1e400]", "[+1e400]", "[-]"])
def test_what_is_no_number_stays_refused(body: str) -> None:
    with pytest.raises(Rejected):
        camara.CALLBACK.read(Request(JSON, (), body.encode()))
