import contextlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import ROOT, environment
from tests.support.eventually import eventually


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "tests.chaos", "--alone", "--rate", "1"]
    options = ["--logs", str(tmp_path), "--into", str(tmp_path)]
    with subprocess.Popen(
        [*command, *options],
        cwd=ROOT,
        env=environment(),
        stderr=subprocess.DEVNULL,
        process_group=0,
    ) as run:
        try:
            started = eventually(lambda: complete(descendants(run.pid)))
        finally:
            run.send_signal(number)
            run.send_signal(number)  # as `timeout` does
        assert run.wait(120) != 0
    eventually(lambda: not any(map(program, started)))


def complete(processes: list[int]) -> list[int]:
    """Return these processes once Valkey, web processes and workers are among them."""
    programs = "\n".join(map(program, processes))
    parts = ("valkey-server", "receiver\0web", "workers")
    return processes if all(part in programs for part in parts) else []


def descendants(process: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for each in Path(f"/proc/{process}/task/{process}/children").read_text().split():
            found += [int(each), *descendants(int(each))]
    return found


def program(process: int) -> str:
    """Return the command line; empty of one that has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_text()
    return ""
