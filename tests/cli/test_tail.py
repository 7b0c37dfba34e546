"""`receiver tail`: what it prints, how it goes on and how it ends."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import on_a_terminal, run, running
from tests.support.eventually import eventually
from tests.support.valkey import Valkey


def add(valkey: Valkey, *names: str) -> None:
    for name in names:
        valkey.client().xadd("receiver:events", {"event": json.dumps({"id": name})})


def test_tail_prints_one_document_per_line_into_a_pipe(valkey: Valkey, tmp_path: Path) -> None:
    add(valkey, "one", "two", "three")
    answer = run(tmp_path, "tail", "--from-start", "--count", "2", REDIS_URL=valkey.url)
    assert [json.loads(line)["id"] for line in answer.stdout.splitlines()] == ["one", "two"]
    answer = run(tmp_path, "tail", "--no-follow", "--since", "1h", REDIS_URL=valkey.url)
    assert [json.loads(line)["id"] for line in answer.stdout.splitlines()] == [
        "one",
        "two",
        "three",
    ]
    answer = run(tmp_path, "tail", "--no-follow", "--since", "2999-01-01", REDIS_URL=valkey.url)
    assert (answer.stdout, answer.stderr, answer.returncode) == ("", "", 0)


def test_tail_shows_what_comes_and_goes_on_when_redis_was_killed(
    valkey: Valkey, tmp_path: Path
) -> None:
    with running(tmp_path, "tail", "--since", "1h", REDIS_URL=valkey.url) as tail:
        assert tail.stdout
        assert tail.stderr
        add(valkey, "before")
        assert json.loads(tail.stdout.readline())["id"] == "before"
        valkey.kill()
        assert tail.stderr.readline() == "receiver: Redis is away; waiting for it\n"
        valkey.start()
        add(valkey, "after")
        assert json.loads(tail.stdout.readline())["id"] == "after"


def test_tail_is_quiet_when_nobody_reads_on(valkey: Valkey, tmp_path: Path) -> None:
    with running(tmp_path, "tail", "--from-start", REDIS_URL=valkey.url) as tail:
        assert tail.stdout
        assert tail.stderr
        add(valkey, "one")
        tail.stdout.readline()
        tail.stdout.close()
        add(valkey, "two")
        add(valkey, "three")
        assert tail.wait(60) == 1
        assert tail.stderr.read() == ""
        tail.stdout = None


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)]
)
def test_a_signal_ends_tail_without_a_word(
    valkey: Valkey, tmp_path: Path, number: int, code: int
) -> None:
    with running(tmp_path, "tail", "--from-start", REDIS_URL=valkey.url) as tail:
        assert tail.stdout
        add(valkey, "one")
        tail.stdout.readline()
        tail.send_signal(number)
        assert tail.communicate(timeout=60) == ("", "")
        assert tail.returncode == code


def test_what_is_no_event_of_ours_is_said_and_left_out(valkey: Valkey, tmp_path: Path) -> None:
    client = valkey.client()
    ours = {"type": "sms.message.received.v1", "source": "/att/sms/mo/promo"}
    client.xadd("receiver:events", {"event": json.dumps({"id": "first"} | ours)})
    client.xadd("receiver:events", {"x": "y"})
    for foreign in (b"notjson", b'{"id": "\xff"}', b"[" * 100_000, b'{"data": 5}', b"5"):
        client.xadd("receiver:events", {"event": foreign})
    client.xadd("receiver:events", {"event": json.dumps({"id": "last"} | ours)})
    begin = ("tail", "--from-start", "--no-follow")
    answer = run(tmp_path, *begin, REDIS_URL=valkey.url)
    assert answer.returncode == 0
    assert [json.loads(line)["id"] for line in answer.stdout.splitlines()] == ["first", "last"]
    left_out = answer.stderr.splitlines()
    assert len(left_out) == 6
    assert all(line.endswith(" is no event of ours: left out") for line in left_out)
    filtered = run(tmp_path, *begin, "--where", "id=last", REDIS_URL=valkey.url)
    assert [json.loads(line)["id"] for line in filtered.stdout.splitlines()] == ["last"]
    seen = on_a_terminal(tmp_path, *begin, REDIS_URL=valkey.url)
    assert seen.count("no event of ours") == 6
    assert len(seen.splitlines()) == 8
    heard = run(tmp_path, "listen", "--since", "1h", "--count", "2", REDIS_URL=valkey.url)
    assert [json.loads(line)["id"] for line in heard.stdout.splitlines()] == ["first", "last"]


@pytest.mark.parametrize(
    ("options", "code"),
    [(("--where", f"a={'[' * 3000}"), 2), (("--count", "9" * 30), 0)],
    ids=["nested", "many"],
)
def test_an_option_beyond_all_bounds_is_no_traceback(
    valkey: Valkey, tmp_path: Path, options: tuple[str, str], code: int
) -> None:
    add(valkey, "one")
    begin = ("tail", "--from-start", "--no-follow")
    answer = run(tmp_path, *begin, *options, REDIS_URL=valkey.url)
    assert answer.returncode == code
    assert "Traceback" not in answer.stderr
    assert ("nested too deep" in answer.stderr) == (code == 2)
    assert len(answer.stdout.splitlines()) == (code == 0)


def test_tail_goes_on_where_it_was_when_its_server_is_made_a_replica(
    start_valkey: Callable[..., Valkey], tmp_path: Path
) -> None:
    valkey = start_valkey()
    client: Any = valkey.client()
    with running(tmp_path, "tail", "--since", "1h", REDIS_URL=valkey.url) as tail:
        assert tail.stdout
        add(valkey, "before")
        assert json.loads(tail.stdout.readline())["id"] == "before"
        eventually(lambda: client.info("clients")["blocked_clients"])
        client.replicaof("127.0.0.1", 1)
        client.replicaof("NO", "ONE")
        add(valkey, "after")
        assert json.loads(tail.stdout.readline())["id"] == "after"
