"""The fault of a body, marked; and where the fields of an event stand in what came."""

import json
from typing import Any

import pytest

from receiver.carriers import CALLBACKS
from receiver.carriers.carrier import Rejected, Request
from receiver.config.settings import Settings
from receiver.console.marked import Marked, marked
from receiver.console.mask import Masks, Unmasked
from receiver.console.origins import origins
from receiver.contract.records import Notification, encode
from tests.support.bounds import soon, with_little_memory
from tests.support.cases import Case, cases
from workers.normalise.decide import decide

MASKS = Masks(b"key")
SECRET = "do not show this"
LIST = {"deliveryInfoNotification": {"deliveryInfo": [{"address": SECRET}, {"deliveryStatus": 7}]}}


def fault(body: bytes, reason: str, masks: Masks = MASKS) -> str:
    found = marked(body, reason, masks)
    assert found.before + found.fault + found.after == masks.body(body)
    return found.fault.strip()


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        ("deliveryInfoNotification.deliveryInfo[1].deliveryStatus: a text is wanted", '"deliv'),
        ("deliveryInfoNotification.deliveryInfo[0].deliveryStatus: missing", "{"),
        ("deliveryInfoNotification.deliveryInfo[0].address.x.y[3]: missing", '"address"'),
        ("specversion: missing or not 1.0", "{"),
        ("[4].deliveryInfoNotification.deliveryInfo: empty", '"deliveryInfo"'),
        ("body: no item in it", ""),
        ("content-type: neither JSON nor CloudEvents", ""),
        ("some words: that name no path", ""),
    ],
)
def test_the_line_that_a_path_names_is_marked(reason: str, line: str) -> None:
    found = fault(json.dumps(LIST).encode(), reason)
    assert found.startswith(line) if line else not found
    assert SECRET not in found


def test_the_byte_or_the_line_that_a_reason_names_is_marked_once_it_is_revealed() -> None:
    body = f'{{"é": "{SECRET}" "b"}}'.encode()
    with pytest.raises(Rejected) as rejected:
        CALLBACKS[0].read(Request("application/json", [], body))
    found = marked(body, rejected.value.reason, Unmasked())
    assert (found.fault, found.before[-1], found.after) == ('"', " ", 'b"}')
    hidden = marked(body, rejected.value.reason, MASKS)
    assert SECRET not in repr(hidden)
    assert hidden.note.startswith("The fault is at byte ")
    xml = marked(b"<a>\n<b>\n</a>", "body: not well-formed XML (line 3)", Unmasked())
    assert (xml.before, xml.fault) == ("<a>\n<b>\n", "</a>")


BODIES = [b"", b"x", b"\xff\xfe", b"[" * 5000, b'{"a": "\\ud800"}', b"\n"]
NAMES = [b"\x17", b"\\ud800", b"\\q", b"\t"]
"""That msgspec does not read: a body with one of them is shown as the lines that came."""


@pytest.mark.parametrize("body", [*BODIES, *(b'{\n  "%s": 1\n}' % one for one in NAMES)])
@pytest.mark.parametrize("masks", [MASKS, Unmasked()])
@pytest.mark.parametrize("reason", ["", ":", "a.b[0]: x", "(byte 999999)", "x (line 99)", "[" * 99])
def test_any_body_with_any_reason_is_shown(body: bytes, masks: Masks, reason: str) -> None:
    assert isinstance(marked(body, reason, masks), Marked)


@pytest.mark.parametrize("depth", [900, 5000, 50_000])
def test_a_body_of_any_depth_is_masked(depth: int) -> None:
    for masks in (MASKS, Unmasked()):
        masks.body(b'{"a":' * depth + b"1" + b"}" * depth)
        masks.body(b"[" * depth + b"]" * depth)


def events(case: Case) -> list[bytes]:
    made = []
    for body in case.reading.accepted:
        one = Notification(case.callback.name, "promo", "r" * 27, 1, case.content_type, body)
        made += [x.document for x in decide((b"1-0", encode(one)), Settings()).claims]
    return made


def places(event: bytes) -> dict[str, list[str]]:
    return {one.field: one.places for one in origins(event, MASKS)}


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        (
            "/att/sms/mo",
            {"from": ["SenderAddress"], "to": ["DestinationAddress"], "text": ["Message"]}
            | {"time": ["DateTime"], "subject": ["SenderAddress"]},
        ),
        (
            "/att/sms/delivery-status",
            {
                "to": ["deliveryInfoNotification.deliveryInfo.address"],
                "status": ["deliveryInfoNotification.deliveryInfo.deliveryStatus"],
            },
        ),
        (
            "/camara/notifications",
            {"subscriptionId": ["data.subscriptionId"], "time": ["time"]},
        ),
    ],
)
def test_a_field_leads_to_where_it_stands(path: str, wanted: dict[str, list[str]]) -> None:
    told: list[dict[str, list[str]]] = [
        places(event)
        for case in cases()
        if case.path == path and case.events
        for event in events(case)
    ]
    assert any(wanted.items() <= one.items() for one in told), told[:3]


@pytest.mark.parametrize("case", list(cases()), ids=lambda one: one.name)
def test_of_every_recorded_request_each_place_is_one_and_nobody_is_shown(case: Case) -> None:
    for event in events(case) if case.events else []:
        said: Any = json.loads(event)
        for one in origins(event, MASKS):
            assert all(" " in x or _there(said["data"]["raw"], x) for x in one.places), one
            assert said.get("subject", "") not in ([one.value] if one.field == "subject" else [])


def _there(raw: Any, path: str) -> bool:
    for step in path.replace("[", ".[").split("."):
        if not step:
            continue
        raw = raw[int(step[1:-1])] if step.startswith("[") else raw[step]
    return True


DEEP = b'{"a":' * 400 + b"1" + b"}" * 400
"""Not too deep to be decoded, and too deep to be gone through."""


@pytest.mark.parametrize(
    "event",
    [
        *(b"", b"x", b"[]", b"1", b'{"data": 1}', b'{"data": {}}'),
        *(b'{"data": {"raw": %s}}' % DEEP, b'{"data": {"x": %s, "raw": ""}}' % DEEP),
    ],
)
def test_what_is_no_event_has_no_fields(event: bytes) -> None:
    assert origins(event, MASKS) == []


@pytest.mark.parametrize("reason", ["data.type: missing", "id: missing", "a.b[3].c: missing"])
def test_a_long_name_of_many_values_takes_little_memory(reason: str) -> None:
    body = json.dumps({"k" * 120_000: [1] * 40_000}, separators=(",", ":")).encode()
    with soon(), with_little_memory():
        assert marked(body, reason, MASKS).fault == "{"


LONG_NAME = {"k" * 120_000: [1] * 20_000}
MANY_TEXTS = {f"k{number}": "1-" * 250 for number in range(480)}


@pytest.mark.parametrize("said", [LONG_NAME, MANY_TEXTS], ids=["long name", "many texts"])
def test_origins_in_a_large_event_are_found_soon_and_with_little_memory(said: Any) -> None:
    raw = {"data": {name: f"{value}2" for name, value in said.items()} | LONG_NAME}
    event = json.dumps({"subject": "s", "data": {"payload": said, "raw": raw}}).encode()
    with soon(), with_little_memory():
        assert len(origins(event, MASKS)) > len(said)
