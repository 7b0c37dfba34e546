"""`receiver console link` says where the console listens, whatever PORT is in its own shell."""

from pathlib import Path

import pytest
import urllib3

from receiver.console import sessions
from receiver.contract.redis_keys import CONSOLE
from tests.support.commands import free_port, run, running
from tests.support.eventually import eventually
from tests.support.valkey import Valkey

CLICK = {"Sec-Fetch-Site": "none", "Sec-Fetch-Dest": "document"}


def test_a_link_leads_to_the_console_that_runs(valkey: Valkey, tmp_path: Path) -> None:
    environ = {"REDIS_URL": valkey.url, "PORT": str(free_port())}
    port = free_port()
    with running(tmp_path, "console", "--port", str(port), **environ):
        eventually(lambda: sessions.said_port(valkey.client()) == port)
        done = run(tmp_path, "console", "link", **environ)
        assert done.stderr == ""
        link = done.stdout.strip()
        assert link.startswith(f"http://127.0.0.1:{port}/login?token=")
        eventually(lambda: _status(f"http://127.0.0.1:{port}/login") == 200)
        assert _status(link) == 303


def test_before_any_console_ran_it_is_the_port_that_one_would_take(
    valkey: Valkey, tmp_path: Path
) -> None:
    done = run(tmp_path, "console", "link", REDIS_URL=valkey.url)
    assert done.stdout.startswith("http://127.0.0.1:8090/login?token=")
    assert "no console has run with this Redis yet: start `receiver console`" in done.stderr
    done = run(tmp_path, "console", "--port", "9001", "link", REDIS_URL=valkey.url)
    assert done.stdout.startswith("http://127.0.0.1:9001/login?token=")
    assert done.stderr == ""


@pytest.mark.parametrize("value", [b"", b"http://evil.example", b"\xff", b"-1", b"9" * 400])
def test_what_somebody_else_wrote_there_is_no_port(valkey: Valkey, value: bytes) -> None:
    valkey.client().set(f"{CONSOLE}:port", value)
    assert sessions.said_port(valkey.client()) == 0
    valkey.client().delete(f"{CONSOLE}:port")
    valkey.client().rpush(f"{CONSOLE}:port", value)
    assert sessions.said_port(valkey.client()) == 0


def _status(url: str) -> int:
    try:
        answer = urllib3.request("GET", url, headers=CLICK, redirect=False, retries=False)
    except urllib3.exceptions.HTTPError:
        return 0
    return answer.status
