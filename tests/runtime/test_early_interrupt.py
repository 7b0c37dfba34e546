"""Ctrl-C in the first moments of a program, while it still imports."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import environment

_INTERRUPTED_AT = """
import runpy, signal, sys
program, module = sys.argv.pop(1), sys.argv.pop(1)
class CtrlC:
    @staticmethod
    def find_spec(name, path, target=None):
        if name == module:
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, CtrlC)
runpy.run_module(program, run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize(
    ("program", "module"),
    [
        ("receiver", "click"),
        ("receiver", "receiver.cli.terminal.termination"),
        ("receiver", "receiver.cli.tail"),
        ("receiver", "redis"),
        ("workers", "structlog"),
        ("workers", "workers.processes.supervisor"),
    ],
)
def test_it_ends_without_a_traceback(tmp_path: Path, program: str, module: str) -> None:
    arguments = {"receiver": ["tail"], "workers": []}[program]
    done = subprocess.run(
        [sys.executable, "-P", "-c", _INTERRUPTED_AT, program, module, *arguments],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
