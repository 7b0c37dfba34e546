"""What the commands say while Redis is away: what lies on this machine, and then why not more."""

import json
from pathlib import Path

import pytest

from tests.commands import run
from tests.running import Receiver, mo

SINK = '[[sink]]\nname = "copy"\nkind = "redis-stream"\nstream = "copy"\n'


@pytest.fixture
def away(receiver: Receiver, tmp_path: Path) -> dict[str, str]:
    """The environment of commands beside a web process that spools three notifications."""
    (tmp_path / "receiver.toml").write_text(SINK)
    receiver.also(RECEIVER_SPOOL_DIR="spool")
    receiver.start_web()
    receiver.valkey.kill()
    for _ in range(3):
        assert receiver.post("/att/sms/mo", mo()).status == 204
    return {"REDIS_URL": receiver.valkey.url, "RECEIVER_SPOOL_DIR": "spool"}


def test_the_ledger_has_what_is_spooled(away: dict[str, str], tmp_path: Path) -> None:
    plain = run(tmp_path, "ledger", **away)
    assert (plain.returncode, plain.stdout) == (2, "spooled 3\n")
    assert plain.stderr.startswith("receiver: Redis: ")
    assert json.loads(run(tmp_path, "ledger", "--json", **away).stdout) == {"spooled": 3}


def test_the_list_of_sinks_has_their_names_and_what_is_spooled(
    away: dict[str, str], tmp_path: Path
) -> None:
    done = run(tmp_path, "sinks", "list", **away)
    assert (done.returncode, done.stdout) == (2, "")
    spooled, sinks, why = done.stderr.splitlines()
    assert spooled.startswith("receiver: 3 acknowledged notifications wait in this machine's spool")
    assert sinks == "receiver: sinks in receiver.toml: copy (redis-stream)"
    assert why.startswith("receiver: Redis: ")
