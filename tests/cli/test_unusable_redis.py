"""A Redis that cannot be used: one sentence that says what to do, within a bounded time."""

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import urllib3

from tests.support.command_line import COMMANDS, Leaf, here
from tests.support.commands import RECEIVER, environment, free_port, run
from tests.support.eventually import eventually
from tests.support.running import AUTHORIZED, TOKEN, mo
from tests.support.valkey import Valkey

_POOL = urllib3.PoolManager(retries=False)
WITHIN = 12.0
"""Seconds: one command on one connection takes five at most, and none of ours tries many."""
PATIENT = [leaf for leaf in COMMANDS if leaf.name in {"ledger", "tail", "listen", "sinks list"}]


@pytest.fixture(scope="module")
def locked() -> Iterator[Valkey]:
    server = Valkey()
    server.client().config_set("requirepass", "sesame")
    yield server
    server.stop()


@pytest.mark.parametrize("leaf", COMMANDS, ids=lambda leaf: leaf.name)
def test_a_password_that_is_missing_or_wrong_is_asked_for(
    leaf: Leaf, locked: Valkey, tmp_path: Path
) -> None:
    for given in ("", "?password=hunter2"):
        done = here(tmp_path, *leaf.arguments(), REDIS_URL=locked.url + given, PORT="1")
        assert done.code in (0, 1, 2)
        for said in (done.out, done.err):
            assert "HELLO" not in said
            assert "hunter2" not in said
        if "receiver: Redis:" in done.err:
            assert "REDIS_URL=redis://USER:PASSWORD@HOST:PORT/0" in done.err


@pytest.mark.parametrize(
    ("address", "wrong"),
    [
        ("redis://127.0.0.1:{}/99", "it has no database of that number"),
        (
            "redis+sentinel://127.0.0.1:{}/mymaster/0",
            "that is no Sentinel, which is on another port, such as 26379",
        ),
    ],
)
def test_an_address_of_what_the_server_has_not_stops_the_start_and_doctor_names_it(
    start_valkey: Callable[..., Valkey], tmp_path: Path, address: str, wrong: str
) -> None:
    port = free_port()
    start_valkey(port=str(port))
    environ = {"REDIS_URL": address.format(port), "RECEIVER_BEARER_TOKENS": TOKEN}
    for process in ("web", "worker", "poll"):
        done = run(tmp_path, process, **environ, PORT=str(free_port()))
        assert done.returncode == 2
        assert json.loads(done.stderr)["reason"] == f"REDIS_URL: a server answers, but {wrong}"
    assert (
        f"receiver: Redis: {wrong}; `receiver doctor`" in run(tmp_path, "ledger", **environ).stderr
    )
    done = run(tmp_path, "doctor", **environ)
    assert done.returncode == 2
    assert f' answers: {wrong}"' in done.stdout


def test_one_that_never_answers_is_waited_for_some_seconds(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as frozen,
        ThreadPoolExecutor(len(PATIENT)) as at_once,
    ):
        url = f"redis://127.0.0.1:{frozen.getsockname()[1]}/0"

        def waited(leaf: Leaf) -> tuple[float, "subprocess.CompletedProcess[str]"]:
            began = time.monotonic()
            done = run(tmp_path, *leaf.arguments(), REDIS_URL=url)
            return time.monotonic() - began, done

        found = {
            leaf.name: each
            for leaf, each in zip(PATIENT, at_once.map(waited, PATIENT), strict=True)
        }
    assert len(found) == 4
    for name, (seconds, done) in found.items():
        assert seconds < WITHIN, name
        assert done.returncode == 2, name
        assert "receiver: Redis: Timeout" in done.stderr, name
        assert done.stderr.endswith("`receiver doctor` says what to do\n"), name


def test_one_that_never_answers_keeps_no_web_process_from_its_spool(tmp_path: Path) -> None:
    port = free_port()
    environ = {"PORT": str(port), "RECEIVER_SPOOL_DIR": "spool", "RECEIVER_DURABILITY": "strict"}
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        url = f"redis://127.0.0.1:{frozen.getsockname()[1]}/0"
        environ |= {"REDIS_URL": url, "RECEIVER_BEARER_TOKENS": TOKEN}
        began = time.monotonic()
        with subprocess.Popen(
            [*RECEIVER, "web"],
            cwd=tmp_path,
            env=environment(**environ),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as web:
            try:
                eventually(lambda: _takes(port))
                assert time.monotonic() - began < WITHIN
            finally:
                web.terminate()


def _takes(port: int) -> bool:
    """Whether a web process acknowledges a notification."""
    try:
        url = f"http://127.0.0.1:{port}/att/sms/mo"
        return _POOL.request("POST", url, body=mo(), headers=AUTHORIZED).status == 204
    except urllib3.exceptions.HTTPError:
        return False
