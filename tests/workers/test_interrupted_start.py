"""Ctrl-C while `receiver worker` is starting."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from tests.support.command_line import here
from tests.support.commands import RECEIVER, environment
from tests.support.eventually import eventually
from tests.support.running import programs_in
from tests.support.valkey import Valkey

TOML = """
[[sink]]
name = "web"
kind = "http"
url = "http://127.0.0.1:9/"
allow = ["127.0.0.1:9"]

[[sink]]
name = "copy"
kind = "redis-stream"
stream = "company:events"

[[operator]]
name = "sim"
reachability = "http://127.0.0.1:9/device-reachability-status-subscriptions/v0.8"
auth = { kind = "headers", headers_env = { x-rapidapi-key = "NAC_KEY" } }
"""
PROGRAMS = 5
"""The supervisor, a normalise worker, two forward workers and a controller."""
RQ_WORKERS = 3


def test_it_waits_until_the_workers_can_stop_for_it(valkey: Valkey, tmp_path: Path) -> None:
    blocked = []

    def started(*_: object) -> None:
        blocked.append(signal.pthread_sigmask(signal.SIG_BLOCK, []))

    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    try:
        with mock.patch.object(os, "execv", side_effect=started):
            here(tmp_path, "worker", REDIS_URL=valkey.url)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    assert [signal.SIGINT in one for one in blocked] == [True]


def _interrupted() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    os.kill(os.getpid(), signal.SIGINT)


def test_one_that_came_meanwhile_stops_them_without_a_traceback(
    valkey: Valkey, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "workers"],
        cwd=tmp_path,
        env=environment(REDIS_URL=valkey.url),
        preexec_fn=_interrupted,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


def _supervises(directory: Path, _: Valkey) -> bool:
    return "worker.starts" in (directory / "log").read_text()


def _has_children(directory: Path, _: Valkey) -> bool:
    return len(programs_in(directory)) == PROGRAMS


def _works(_: Path, valkey: Valkey) -> bool:
    return valkey.client().scard("rq:workers") == RQ_WORKERS


def _stop_all(group: int, _: Path) -> None:
    os.killpg(group, signal.SIGINT)


def _stop_each_often(group: int, directory: Path) -> None:
    """Signal as a service manager and a supervisor do, one on the heels of the other."""
    children = programs_in(directory) - {group}
    for number in (signal.SIGTERM, signal.SIGINT) * 50:
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, number)
    os.killpg(group, signal.SIGINT)


@pytest.mark.parametrize(
    ("begun", "stop"),
    [
        (_supervises, _stop_all),
        (_has_children, _stop_all),
        (_works, _stop_all),
        (_works, _stop_each_often),
    ],
)
def test_whenever_it_comes_all_end_by_themselves_and_none_with_a_traceback(
    valkey: Valkey,
    tmp_path: Path,
    begun: Callable[[Path, Valkey], bool],
    stop: Callable[[int, Path], None],
) -> None:
    (tmp_path / "receiver.toml").write_text(TOML)
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(
            [*RECEIVER, "worker"],
            cwd=tmp_path,
            env=environment(REDIS_URL=valkey.url, NAC_KEY="key"),
            stdout=log,
            stderr=log,
            start_new_session=True,
        ) as worker,
    ):
        try:
            eventually(lambda: begun(tmp_path, valkey))
            stop(worker.pid, tmp_path)
            assert worker.wait(timeout=60) == 0
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)
    said = (tmp_path / "log").read_text()
    assert "worker.killed" not in said
    assert "Traceback" not in said
