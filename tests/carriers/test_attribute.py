"""What may stand in an attribute: every character but the control characters."""

import json
import unicodedata

import pytest

from receiver.carriers.camara.content_mode import read
from receiver.carriers.carrier import Rejected, Request
from receiver.carriers.formats.cloudevent_text import attribute, has_control

CONTROL = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Cc"]
EVENT = {"specversion": "1.0", "id": "1", "source": "s", "type": "t", "subject": "x"}


def test_all_65_control_characters_are_known_and_no_other_character_is_one() -> None:
    assert len(CONTROL) == 65
    assert {chr(code) for code in range(0x3000) if has_control(f"a{chr(code)}b")} == set(CONTROL)


@pytest.mark.parametrize("character", ["\x00", "\x1f", "\x7f", "\x80", "\x85", "\x9f"])
def test_what_holds_one_is_no_attribute_of_ours(character: str) -> None:
    assert attribute(f"a{character}") is None
    assert attribute("a\xa0") == "a\xa0"


@pytest.mark.parametrize("name", ["id", "source", "type", "subject"])
@pytest.mark.parametrize("character", ["\x1f", "\x7f", "\x80", "\x9f"])
def test_an_event_with_one_in_an_attribute_is_refused(name: str, character: str) -> None:
    body = json.dumps(EVENT | {name: f"a{character}b"}).encode()
    with pytest.raises(Rejected) as refused:
        read(Request("application/cloudevents+json", [], body))
    assert (refused.value.status, name in refused.value.reason) == (400, True)
