"""Bodies in other character sets, as people see them on a terminal."""

import json
from pathlib import Path
from typing import Any

import pytest

from receiver.contract.records import DeadLetter, Notification, Refusal, encode
from receiver.contract.redis_keys import DEAD_LETTERS, EVENTS, INBOUND, REJECTED
from tests.support import published
from tests.support.command_line import here
from tests.support.valkey import Valkey

SAID = '{"Message": "é 中"}'


@pytest.mark.parametrize("charset", ["utf-16", "utf-16-le", "utf-8"])
def test_a_body_in_utf_16_is_shown_as_text(valkey: Valkey, tmp_path: Path, charset: str) -> None:
    client: Any = valkey.client()
    body = SAID.encode(charset)
    refused = Refusal("att.sms.mo", "default", "r", 1, 400, "no sender", [], body)
    entry = client.xadd(REJECTED, {"r": encode(refused)}).decode()
    one = Notification("att.sms.mo", "default", "r" * 27, 1, "", body)
    letter = client.xadd(DEAD_LETTERS, {"d": encode(DeadLetter(1, "why", encode(one)))}).decode()
    for words in (("rejected", "show", entry), ("dead-letters", "show", letter)):
        shown = here(tmp_path, *words, terminal=True, REDIS_URL=valkey.url)
        assert SAID in shown.out


def test_an_octet_that_is_no_character_is_shown_as_what_it_is(
    valkey: Valkey, tmp_path: Path
) -> None:
    client: Any = valkey.client()
    refused = Refusal("att.sms.mo", "default", "r", 1, 400, "no", [], b'{"Message": "h\xe9"')
    entry = client.xadd(REJECTED, {"r": encode(refused)}).decode()
    shown = here(tmp_path, "rejected", "show", entry, terminal=True, REDIS_URL=valkey.url)
    assert r'"h\xe9"' in shown.out


def test_what_a_sender_writes_controls_no_terminal(valkey: Valkey, tmp_path: Path) -> None:
    client: Any = valkey.client()
    said = "\x7f \x9b2J \u202e \U000e0041"  # DEL, CSI, a text from right to left, a tag
    [event] = dict(published.samples())["mo"]
    event = event | {"data": event["data"] | {"text": said}}
    client.xadd(EVENTS, {"event": json.dumps(event, ensure_ascii=False)})
    body = json.dumps({"Message": said}, ensure_ascii=False).encode()
    one = Notification("att.sms.mo", "default", "0" * 26 + "1", 1, "", body)
    client.xadd(INBOUND, {"n": encode(one)})
    letter = client.xadd(DEAD_LETTERS, {"d": encode(DeadLetter(1, "why", encode(one)))}).decode()
    for words in (
        ("tail", "--from-start", "--no-follow", "--json"),
        ("dead-letters", "show", letter, "--json"),
        ("explain", one.receipt, "--body"),
    ):
        shown = here(tmp_path, *words, terminal=True, REDIS_URL=valkey.url).out
        assert not any(character in shown for character in said.replace(" ", "").replace("2J", ""))
        read = here(tmp_path, *words, REDIS_URL=valkey.url).out
        assert said in read
        if "--json" in words:
            assert json.loads(shown) == json.loads(read)
