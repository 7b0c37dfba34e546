"""One child process: started again after a pause when it ended, and stopped within a time."""

import os
import signal
import subprocess
import time
from collections.abc import Callable


class ChildProcess:
    """Keep one process running.

    `launch` starts it. `next_pause` returns the seconds until the next start after it ended, from
    the pause before this one (0 at first) and the seconds that the process lived. `group`: it leads
    a process group, and is killed with all of it.
    """

    def __init__(
        self,
        launch: Callable[[], "subprocess.Popen[bytes]"],
        next_pause: Callable[[float, float], float],
        *,
        group: bool = False,
    ) -> None:
        self.pause = 0.0
        """Seconds between the last end and the start after it; 0 before any."""
        self._launch = launch
        self._next_pause = next_pause
        self._group = group
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._due = 0.0

    def poll(self) -> int | None:
        """Start the process if it is due; returns its exit status, once, when it has ended.

        Raises `OSError` where it cannot be started, for want of memory say: it is due again after a
        pause.
        """
        now = time.monotonic()
        if self._process is None:
            if now >= self._due:
                self._start(now)
            return None
        status = self._process.poll()
        if status is not None:
            self._process = None
            self._put_off(now, now - self._started)
        return status

    def terminate(self) -> None:
        """Send SIGTERM to the process, if it runs."""
        if self._process:
            self._process.terminate()

    def wait(self, until: float) -> bool:
        """Wait for its end until a monotonic time (s), then kill it. Returns False if it was."""
        return self._process is None or wait_or_kill(self._process, until, group=self._group)

    def _start(self, now: float) -> None:
        try:
            self._process = self._launch()
        except OSError:
            self._put_off(now, 0.0)
            raise
        self._started = time.monotonic()

    def _put_off(self, now: float, lived: float) -> None:
        self.pause = self._next_pause(self.pause, lived)
        self._due = now + self.pause


def wait_or_kill(process: "subprocess.Popen[bytes]", until: float, *, group: bool = False) -> bool:
    """Wait for the end of a process until a monotonic time (s), then kill it, with its group if it
    leads one. Returns False if it was killed.
    """
    try:
        process.wait(max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        if group:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()
        return False
    return True
