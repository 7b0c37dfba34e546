"""A child process is started again when it ended, and none is left after it was stopped."""

import errno
import os
import signal
import subprocess
import sys
import time

from receiver.runtime.child_process import ChildProcess
from tests.support.eventually import eventually

SLEEP = "import time; time.sleep(60)"
DEAF = (
    "import signal, subprocess, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "child = subprocess.Popen([sys.executable, '-c', sys.argv[1]]);"
    "print(child.pid, flush=True); child.wait()"
)


def test_an_end_is_told_once_and_the_next_start_waits_for_its_pause() -> None:
    started: list[float] = []

    def launch() -> "subprocess.Popen[bytes]":
        started.append(time.monotonic())
        return subprocess.Popen(["/bin/sh", "-c", "exit 3"])

    lived: list[tuple[float, bool]] = []

    def next_pause(before: float, seconds: float) -> float:
        lived.append((before, 0 <= seconds < 30))
        return before + 0.25

    child = ChildProcess(launch, next_pause)
    ends: list[int] = []

    def poll() -> bool:
        status = child.poll()
        ends.extend([] if status is None else [status])
        return len(ends) == 3

    eventually(poll)
    assert ends == [3, 3, 3]
    assert lived == [(0.0, True), (0.25, True), (0.5, True)]
    assert started[1] - started[0] >= 0.25
    assert started[2] - started[1] >= 0.5
    assert child.wait(time.monotonic())


def test_what_does_not_end_in_time_is_killed_with_its_group() -> None:
    processes: list[subprocess.Popen[bytes]] = []

    def launch() -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-c", DEAF, SLEEP]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, process_group=0))
        return processes[0]

    child = ChildProcess(launch, lambda _before, _lived: 0.0, group=True)
    assert child.poll() is None
    stdout = processes[0].stdout
    assert stdout
    with stdout:
        grandchild = int(stdout.readline())
    child.terminate()
    assert not child.wait(time.monotonic() + 0.1)
    assert processes[0].returncode == -signal.SIGKILL
    eventually(lambda: not alive(grandchild))


def test_what_ends_in_time_is_not_killed() -> None:
    command = [sys.executable, "-c", SLEEP]
    child = ChildProcess(lambda: subprocess.Popen(command), lambda _before, _lived: 0.0)
    child.terminate()  # nothing runs yet
    assert child.poll() is None
    child.terminate()
    assert child.wait(time.monotonic() + 30)


def alive(pid: int) -> bool:
    """Also one that nobody has waited for is dead."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] != "Z"


def test_one_that_cannot_be_started_is_tried_again_after_a_pause() -> None:
    tried: list[float] = []

    def launch() -> "subprocess.Popen[bytes]":
        tried.append(time.monotonic())
        if len(tried) < 3:
            raise BlockingIOError(errno.EAGAIN, "no room for another process")
        return subprocess.Popen(["/bin/sh", "-c", "exit 3"])

    child = ChildProcess(launch, lambda before, _lived: before + 0.1)
    refused: list[str | None] = []

    def poll() -> bool:
        try:
            return child.poll() == 3
        except OSError as error:
            refused.append(error.strerror)
            return False

    eventually(poll)
    assert refused == ["no room for another process"] * 2
    assert tried[1] - tried[0] >= 0.1
    assert tried[2] - tried[1] >= 0.2
