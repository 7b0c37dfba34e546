"""What a stranger wrote does not control the terminal of who looks at it, in any form."""

import json
from pathlib import Path
from typing import Any

import pytest

from receiver.contract.records import Refusal, encode
from receiver.contract.redis_keys import REJECTED
from tests.support.command_line import here
from tests.support.explaining import accept
from tests.support.valkey import Valkey

HER = "+12065550100"
CONTROLS = "\x9b2J\x85\u202e\u2028\U000e0041"
"""C1 controls, marks that turn the direction of writing, a tag: JSON escapes none of them."""
RECEIPT = "0" * 27


@pytest.mark.parametrize(
    "words",
    [
        ("export-person", HER),
        ("rejected", "show", "1-1", "--json"),
        ("rejected", "show", "1-1", "--body"),
        ("explain", "--body", RECEIPT),
    ],
)
def test_controls_are_no_controls_on_a_terminal_and_unchanged_in_a_pipe(
    valkey: Valkey, tmp_path: Path, words: tuple[str, ...]
) -> None:
    client: Any = valkey.client()
    body = json.dumps({"From": HER, "Message": f"a\x1b{CONTROLS}b"}, ensure_ascii=False).encode()
    body = body.replace(b"\\u001b", b"\x1b") if "--body" in words else body
    accept(client, RECEIPT, body)
    refused = Refusal("att.sms.mo", "default", "r", 1, 400, "no", [], body)
    client.xadd(REJECTED, {"r": encode(refused)}, id="1-1")
    seen = here(tmp_path, *words, terminal=True, REDIS_URL=valkey.url)
    assert seen.code == 0
    assert "Message" in seen.out
    assert not set(seen.out) & {*CONTROLS.replace("2J", ""), "\x1b"}
    piped = here(tmp_path, *words, REDIS_URL=valkey.url)
    assert CONTROLS in piped.out
    if "--body" not in words:
        assert json.loads(seen.out.split("\n")[0]) == json.loads(piped.out.split("\n")[0])
