"""Replay and drop where nothing is chosen, and what their progress bar counts."""

import re
import time
from pathlib import Path
from typing import Any

import pytest

from receiver.contract.records import Refusal, encode
from receiver.contract.redis_keys import DEAD_LETTERS, REJECTED
from receiver.operations import rejected_requests
from tests.support.command_line import here
from tests.support.commands import answered, run
from tests.support.dead_letters import undelivered
from tests.support.valkey import Valkey

REFUSED = Refusal("att.sms.mo", "default", "r", time.time_ns() // 10**6, 400, "no", [], b"{}")
THINGS = {"rejected": "request", "dead-letters": "dead letter"}


@pytest.mark.parametrize("action", ["replay", "drop"])
@pytest.mark.parametrize("group", THINGS)
def test_nothing_to_do_is_said_and_where_to_look(
    valkey: Valkey, tmp_path: Path, group: str, action: str
) -> None:
    client: Any = valkey.client()

    def said(*chosen: str) -> str:
        done = run(tmp_path, group, action, *chosen, REDIS_URL=valkey.url, RECEIVER_TOKEN="t")
        assert done.returncode == 1
        return done.stderr

    everything = ["--all", "--yes"] if action == "drop" else ["--all"]
    assert said(*everything) == "receiver: there is none\n"
    undelivered(client, "a", "b")
    client.xadd(REJECTED, {"r": encode(REFUSED)})
    look = f"see `receiver {group} list`\n"
    assert said("1-1") == f"receiver: there is no such {THINGS[group]}: {look}"
    for chosen in (["--reason", "no such"], ["--older-than", "3d"], ["1-1", "--reason", "no"]):
        assert said(*chosen) == f"receiver: none matches: {look}"
    assert (client.xlen(REJECTED), client.xlen(DEAD_LETTERS)) == (1, 2)


@pytest.mark.parametrize("group", THINGS)
def test_the_bar_counts_the_ids_that_were_asked_for(
    valkey: Valkey, tmp_path: Path, group: str
) -> None:
    client: Any = valkey.client()
    undelivered(client, "a", "b", "c")
    for _ in range(3):
        client.xadd(REJECTED, {"r": encode(REFUSED)})
    stream = DEAD_LETTERS if group == "dead-letters" else REJECTED
    first = client.xrange(stream)[0][0].decode()
    code, seen = answered(tmp_path, "", group, "drop", first, REDIS_URL=valkey.url)
    assert (code, client.xlen(stream)) == (0, 2)
    counts = re.findall(r"(\d+)/(\d+)", re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen))
    assert counts[-1] == ("1", "1")
    assert {total for _, total in counts} == {"1"}


def test_a_drop_that_is_interrupted_says_what_it_did(
    valkey: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client: Any = valkey.client()
    for _ in range(3):
        client.xadd(REJECTED, {"r": encode(REFUSED)})
    drop = rejected_requests.drop

    def interrupted(*arguments: Any) -> int:
        if client.xlen(REJECTED) == 1:
            raise KeyboardInterrupt
        return drop(*arguments)

    monkeypatch.setattr(rejected_requests, "drop", interrupted)
    done = here(tmp_path, "rejected", "drop", "--all", "--yes", REDIS_URL=valkey.url)
    assert done == (130, '{"dropped":2}\n', "")
