"""Ctrl-C while `receiver worker` is starting."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from unittest import mock

from tests.support.command_line import here
from tests.support.commands import environment
from tests.support.valkey import Valkey


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
