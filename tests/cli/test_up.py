import json
import os
import re
import shlex
import signal
import subprocess
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.support.commands import RECEIVER, ROOT, environment, free_port, run
from tests.support.eventually import eventually
from tests.support.up import KINDS, Up


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    with Up(tmp_path) as running:
        yield running


def test_the_demo_shows_one_event_of_each_kind_and_nothing_else_on_stdout(up: Up) -> None:
    assert {event["type"] for event in up.events(3)} == KINDS
    assert up.send("roaming")
    assert up.events(1)[0]["type"] == "device.roaming.changed.v1"
    assert up.end(signal.SIGINT) == 0
    assert up.process.stdout
    assert up.process.stdout.read() == b""
    eventually(lambda: not up.left())


def test_what_the_demo_prints_to_copy_works(tmp_path: Path) -> None:
    with Up(tmp_path, terminal=True) as up, urllib3.PoolManager(retries=False) as pool:
        up.events(3)
        found = eventually(lambda: re.search(r"^ +(curl .*)$", up.said(), re.MULTILINE))
        assert found
        said = found.string
        words = shlex.split(found[1])
        headers = dict(word.split(": ", 1) for flag, word in pairwise(words) if flag == "-H")
        body = words[words.index("-d") + 1].encode()
        assert pool.request("POST", words[-1], body=body, headers=headers).status == 204
        for line in re.findall(r"http://\S+access_token=\S+", said):
            assert pool.request("POST", line, body=b"{}").status == 400
        assert up.events(1)[0]["data"]["text"] == json.loads(body)["Message"]
        assert up.end(signal.SIGINT) == 0
        eventually(lambda: up.said().endswith("Stopped.\n"))


def test_it_stops_cleanly_when_it_is_told_to(up: Up) -> None:
    up.events(3)
    assert up.end(signal.SIGTERM) == 0
    eventually(lambda: not up.left())


def test_where_nobody_watches_each_line_it_says_is_json_and_has_no_token(up: Up) -> None:
    up.events(3)
    assert up.end(signal.SIGTERM) == 0
    lines = [json.loads(line) for line in up.said().splitlines()]
    # A busy machine hears more often than once in its start that it is not ready.
    lines = [line for line in lines if not line.get("said", "").startswith("Not ready yet: ")]
    said = [line["event"] for line in lines]
    assert [name for name in said if name.startswith(("up.", "demo."))] == [
        *("up.ready", "demo.begins", "demo.sent", "demo.sent", "demo.sent", "up.stopped")
    ]
    ready = lines[said.index("up.ready")]
    assert ready["register"][0] == f"{ready['url']}/att/sms/mo?access_token=TOKEN"
    token = (up.directory / ready["token_file"]).read_text().strip()
    assert token not in up.said()
    assert "login?token=" not in up.said()


def test_under_nohup_it_outlives_the_terminal_and_a_script_s_ctrl_c_still_stops_it(
    tmp_path: Path,
) -> None:
    ignoring = ("/bin/sh", "-c", 'trap "" HUP INT; exec "$@"', "sh")
    with Up(tmp_path, *ignoring) as up:
        up.events(3)
        up.process.send_signal(signal.SIGHUP)
        assert up.send()
        assert up.events(1)
        assert up.end(signal.SIGINT) == 0


def test_it_stops_even_when_its_parts_hang(up: Up) -> None:
    up.events(3)
    for part in ("receiver web", "-m workers", "valkey-server"):
        up.signal(part, signal.SIGSTOP)
    assert up.end(signal.SIGINT) == 0
    eventually(lambda: not up.left())


def test_no_process_is_left_when_it_is_killed(tmp_path: Path) -> None:
    with Up(tmp_path, WEB_CONCURRENCY="2", RECEIVER_WORKERS="2") as up:
        up.events(3)
        eventually(lambda: len(up.left()) > 7)
        up.process.kill()
        up.process.wait()
        eventually(lambda: not up.left())


def test_it_ends_when_nobody_reads_the_events_any_more(up: Up) -> None:
    assert up.process.stdout
    up.process.stdout.readline()
    up.process.stdout.close()
    up.process.stdout = None
    eventually(lambda: up.send() is False or up.process.poll() is not None)
    assert up.process.wait(60) == 0
    assert "Traceback" not in up.said()


def test_the_next_start_has_the_same_token_and_the_old_events(tmp_path: Path) -> None:
    with Up(tmp_path) as first:
        first.events(3)
        token = (tmp_path / "var/demo-token").read_text()
        first.end(signal.SIGINT)
    with Up(tmp_path, terminal=True, PORT=first.environ["PORT"]) as second:
        assert {event["type"] for event in second.events(3)} == KINDS
        eventually(lambda: f"Bearer token: {token}" in second.said())
        old = run(tmp_path, "tail", "--from-start", "--no-follow").stdout
        assert len(old.splitlines()) == 6
        books = json.loads(run(tmp_path, "ledger", "--json").stdout)
        assert (books["accepted"], books["published"], books["balanced"]) == (6, 6, True)


@pytest.mark.parametrize("rubbish", [b"", b"\xff\n", b"\n"])
def test_a_damaged_address_or_token_is_made_anew(tmp_path: Path, rubbish: bytes) -> None:
    for name in ("redis-url", "demo-token"):
        (tmp_path / "var").mkdir(exist_ok=True)
        (tmp_path / "var" / name).write_bytes(rubbish)
    assert "which Redis?" in run(tmp_path, "ledger").stderr
    assert "no token: give --token" in run(tmp_path, "send", "mo").stderr
    with Up(tmp_path) as up:
        up.events(3)


@pytest.mark.parametrize("part", ["receiver web", "-m workers", "workers normalise", "valkey-serv"])
def test_a_part_that_is_killed_is_started_again_and_nothing_is_lost(up: Up, part: str) -> None:
    up.events(3)
    before = up.signal(part, signal.SIGKILL)
    eventually(lambda: up.pid(part) not in (0, before))
    eventually(up.send)
    assert up.events(1)[0]["type"] == "sms.message.received.v1"

    def done() -> Any:
        books = json.loads(run(up.directory, "ledger", "--json").stdout)
        return books if books["open"] == 0 else None

    assert eventually(done)["balanced"]


def test_the_processes_of_a_killed_web_server_end_and_free_the_port(tmp_path: Path) -> None:
    with Up(tmp_path, WEB_CONCURRENCY="2") as up:
        up.events(3)
        up.signal("receiver web", signal.SIGKILL)
        eventually(lambda: "web ended (SIGKILL); it starts again" in up.said())
        eventually(up.send)
        eventually(
            lambda: sum("multiprocessing-fork" in words for words in up.left().values()) == 2
        )


def test_two_on_one_directory_share_the_server_and_the_second_takes_it_over(
    tmp_path: Path,
) -> None:
    with Up(tmp_path) as first:
        first.events(3)
        with Up(tmp_path) as second:
            second.events(3)
            servers = [words for words in second.left().values() if "valkey-server" in words]
            assert len(servers) == 1
            first.events(3)
            assert first.end(signal.SIGINT) == 0
            eventually(second.send)
            assert second.events(1)


def test_a_redis_of_ones_own_is_used_and_left_alone(
    tmp_path: Path, start_valkey: Callable[..., Any]
) -> None:
    server = start_valkey()
    with Up(tmp_path, REDIS_URL=server.url) as up:
        up.events(3)
        assert up.pid("valkey-server") == 0
        assert not (tmp_path / "var/valkey").exists()
        up.end(signal.SIGINT)
    assert server.client().xlen("receiver:events") == 3


def test_the_procfile_runs_both_halves(tmp_path: Path, start_valkey: Callable[..., Any]) -> None:
    server, port = start_valkey(), str(free_port())
    console = f"receiver console --port {free_port()}"  # its own may be taken here
    (tmp_path / "Procfile").write_text(
        (ROOT / "Procfile").read_text().replace("receiver console", console)
    )
    (tmp_path / "receiver").write_text(f'#!/bin/sh\nexec {shlex.join(RECEIVER)} "$@"\n')
    (tmp_path / "receiver").chmod(0o755)
    environ = environment(
        PORT=port,
        REDIS_URL=server.url,
        RECEIVER_BEARER_TOKENS="made-up",
        WEB_CONCURRENCY="2",
        PATH=f"{tmp_path}:{os.environ['PATH']}",
    ) | {"PYTHONWARNINGS": "default"}
    with subprocess.Popen(
        [RECEIVER[0], "-m", "honcho", "start"],
        cwd=tmp_path,
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as honcho:
        try:
            arguments = ("send", "mo", "--url", f"http://127.0.0.1:{port}", "--token", "made-up")
            eventually(lambda: run(tmp_path, *arguments).returncode == 0)
            eventually(lambda: server.client().xlen("receiver:events"))
        finally:
            honcho.terminate()
            honcho.wait(60)
