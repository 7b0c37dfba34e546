"""What `receiver doctor` says of the console's settings and keys."""

import pytest

from receiver.config.settings import load
from receiver.console import sessions
from receiver.contract.redis_keys import CONSOLE_AUDIT, CONSOLE_SESSION
from receiver.doctor.console import check_console, check_sessions
from receiver.doctor.key_types import check_key_types
from tests.support.valkey import Valkey

URL = "https://console.example.com"


def said(**environ: str) -> list[tuple[str, str]]:
    return [(one.severity, one.what) for one in check_console(load(environ))]


def test_a_console_of_this_machine_and_one_behind_its_proxy_are_well() -> None:
    assert said() == []
    assert said(HOST="192.0.2.1") == []
    assert said(RECEIVER_CONSOLE_URL="http://localhost:9000") == []
    assert said(RECEIVER_CONSOLE_URL=URL, RECEIVER_CONSOLE_PROXY="10.0.0.0/8, unix") == []


def test_a_console_that_would_refuse_to_start_is_found() -> None:
    found = said(HOST="192.0.2.1", RECEIVER_CONSOLE_URL="http://localhost:9000")
    assert found == [("warning", "HOST=192.0.2.1 and RECEIVER_CONSOLE_URL is not https")]


def test_a_proxy_that_nothing_comes_through_is_found() -> None:
    ((severity, what),) = said(RECEIVER_CONSOLE_PROXY="10.0.0.1")
    assert severity == "warning"
    assert "RECEIVER_CONSOLE_URL is not" in what


@pytest.mark.parametrize("peers", ["0.0.0.0/0", "::/0", "unix, 8.0.0.0/7"])
def test_a_proxy_that_may_be_anybody_is_serious(peers: str) -> None:
    ((severity, what),) = said(RECEIVER_CONSOLE_URL=URL, RECEIVER_CONSOLE_PROXY=peers)
    assert (severity, what.split()[1]) == ("serious", "trusts")


def test_open_sessions_are_told_and_those_without_an_end_are_serious(valkey: Valkey) -> None:
    client = valkey.client()
    assert list(check_sessions(client)) == []
    for name in ("ada", "bob"):
        sessions.use_link(client, sessions.make_link(client, sessions.Link(name, "operator")))
    client.expire(next(client.scan_iter(f"{CONSOLE_SESSION}*")), 6 * 3600)
    (found,) = check_sessions(client)
    assert (found.severity, found.what) == (
        "note",
        "sessions of the console that are open: 2, the oldest for 6.0 hours",
    )
    client.set(f"{CONSOLE_SESSION}{'0' * 64}", b"{}")
    client.set(f"{CONSOLE_SESSION}{'1' * 64}", b"{}", ex=13 * 3600)
    _, wrong = check_sessions(client)
    assert (wrong.severity, wrong.what.split()[-1]) == ("serious", "2")


def test_an_audit_trail_that_cannot_be_written_is_found(valkey: Valkey) -> None:
    valkey.client().set(CONSOLE_AUDIT, "not a stream")
    (found,) = check_key_types(valkey.client())
    assert found.what == "receiver:console:audit is a string, and was a stream"
