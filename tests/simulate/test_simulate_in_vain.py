"""`receiver simulate` with a wrong token, or where nobody listens."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.commands import free_port, run
from tests.support.receivers import TOKEN, Receiver, listening
from tests.support.valkey import Valkey


class Stopped(NamedTuple):
    verdict: dict[str, Any]
    stderr: str


def stopped(cwd: Path, url: str, token: str, count: str) -> Stopped:
    """A run that does not wait for the minute in which AT&T would come again."""
    options = ("--url", url, "--token", token, "--rate", "50", "--count", count, "--json")
    done = run(cwd, "simulate", *options)
    verdict = json.loads(done.stdout)
    assert (done.returncode, verdict["acknowledged"]) == (1, 0)
    assert verdict["sent"] < 100
    assert verdict["seconds"] < 10
    return Stopped(verdict, done.stderr)


@pytest.mark.parametrize("count", ["3", "500"])
def test_a_wrong_token_stops_it_at_once(valkey: Valkey, tmp_path: Path, count: str) -> None:
    with listening(Receiver(valkey.client())) as url:
        found = stopped(tmp_path, url, "another", count)
    assert found.verdict["unauthorised"] is True
    assert "every answer was 401: another --token is wanted" in found.stderr
    assert "valid token" not in found.stderr


def test_where_nobody_listens_it_says_so_meanwhile_and_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "scenario.toml").write_text("phase=[{burst=3}]\nmix={mo=1}\n[att]\nretry_for=6")
    options = ("scenario.toml", "--url", f"http://127.0.0.1:{free_port()}", "--token", TOKEN)
    done = run(tmp_path, "simulate", *options)
    assert (done.returncode, json.loads(done.stdout)["unreachable"]) == (1, True)
    meanwhile, *end = done.stderr.splitlines()
    assert "nobody listens there yet" in meanwhile
    assert "receiver: every attempt was unreachable: another --url, or PORT, is wanted" in end
