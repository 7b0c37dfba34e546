"""A flag that signals set, whenever they come."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import environment

_HELD = """
import signal
from receiver.runtime import stop_flag
stop = stop_flag.on_signals()
with stop._cond:  # as `wait` and `set` hold it for a moment
    signal.raise_signal(signal.{number})
assert stop.wait(60)
"""


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT"])
def test_a_signal_that_comes_while_the_flag_is_used_sets_it(tmp_path: Path, number: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _HELD.format(number=number)],
        cwd=tmp_path,
        env=environment(),
        timeout=100,
        check=False,
    )
    assert done.returncode == 0


_TWICE = """
import signal
from receiver.runtime import stop_flag
stop = stop_flag.on_signals(ends_at_second=True)
signal.raise_signal(signal.SIGINT)
assert stop.wait(60)
signal.raise_signal(signal.SIGINT)
"""


def test_the_second_signal_ends_at_once_where_that_is_wanted(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _TWICE],
        cwd=tmp_path,
        env=environment(),
        timeout=100,
        check=False,
    )
    assert done.returncode == -2


def test_so_it_does_as_the_first_process_of_a_container(tmp_path: Path) -> None:
    first = ["unshare", "-r", "--pid", "--fork"]
    if not shutil.which("unshare") or subprocess.run([*first, "true"], check=False).returncode:
        pytest.skip("needs unshare, and the right to use it")
    done = subprocess.run(
        [*first, sys.executable, "-c", _TWICE],
        cwd=tmp_path,
        env=environment(),
        timeout=100,
        check=False,
    )
    assert done.returncode == 130
