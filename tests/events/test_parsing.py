"""`receiver.events.parse`: documents in, typed events out; and what importing it takes."""

import json
import re
import subprocess
import sys
from typing import Any

import pytest

from receiver.events import NotAnEvent, SmsDeliveryUpdated, UnknownEvent, parse, parse_batch
from tests.support import published
from tests.support.commands import environment

[EVENT] = dict(published.samples())["delivery-status"]


def test_a_document_is_a_typed_event_however_it_comes() -> None:
    text = json.dumps(EVENT)
    for event in (parse(text), parse(text.encode()), parse(EVENT), *parse_batch(text)):
        assert isinstance(event, SmsDeliveryUpdated)
        assert (event.data["status"], event.data["final"]) == ("delivered", True)
        assert event.data["raw"] == EVENT["data"]["raw"]
        assert event.receivedtime.isoformat() == EVENT["receivedtime"].replace("Z", "000+00:00")
        assert event.replayed is None


def test_a_batch_is_its_events_in_order() -> None:
    batch = json.dumps([EVENT, EVENT | {"id": "second"}]).encode()
    assert [event.id for event in parse_batch(b" \n" + batch)] == [EVENT["id"], "second"]
    assert parse_batch("[]") == []


def test_a_newer_receiver_s_events_are_still_read() -> None:
    more = EVENT | {"newattribute": "x", "data": EVENT["data"] | {"newField": 1}}
    assert isinstance(parse(more), SmsDeliveryUpdated)
    unknown = parse(EVENT | {"type": "sms.delivery.updated.v2", "data": {"new": 1}})
    assert isinstance(unknown, UnknownEvent)
    assert (unknown.type, unknown.data) == ("sms.delivery.updated.v2", {"new": 1})


@pytest.mark.parametrize(
    "document",
    [b"", "", b"\xff", b"[" * 100_000, "null", "[]", "{}", {}, {"type": 5}, {"type": ["a"]},
     EVENT | {"id": ""}, EVENT | {"time": "then"}, EVENT | {"data": {"to": "+12065550100"}}],
)  # fmt: skip
def test_what_is_no_event_is_said_without_a_value_of_it(document: Any) -> None:
    with pytest.raises(NotAnEvent) as said:
        parse(document)
    assert "+12065550100" not in str(said.value)
    if not isinstance(document, dict):
        with pytest.raises(NotAnEvent):
            parse_batch(b"[" + (document.encode() if isinstance(document, str) else document))


def test_a_text_with_half_a_character_is_no_event() -> None:
    for read in (parse, parse_batch):
        for document in ('{"type": "\ud800"}', '[{"type": "\ud800"}]'):
            with pytest.raises(NotAnEvent):
                read(document)


def test_importing_it_takes_msgspec_and_nothing_else() -> None:
    program = (
        "import sys; before = set(sys.modules); import receiver.events; "
        "print({name.partition('.')[0] for name in set(sys.modules) - before}"
        " - sys.stdlib_module_names)"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=60, check=True
    )
    found = set(re.findall(r"\w+", done.stdout))
    assert found - {"typing_extensions"} == {"msgspec", "receiver"}  # msgspec looks for that one
