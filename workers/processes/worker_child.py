"""One worker process as its supervisor has it: started, started again, replaced, ended."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import structlog

from receiver.runtime.child_process import ChildProcess
from workers.processes.consumer_names import Slot
from workers.processes.plan import Plan

log = structlog.get_logger()

LONGEST_PAUSE: Final = 5.0
"""Seconds between two starts of a worker that ends again and again."""
_STEADY: Final = 10.0
"""Seconds after which an end is followed by a start at once."""
REPLACED_AFTER: Final = 2.0
"""Seconds for which a worker runs before other settings replace it, so that it gets to work also
while they change all the time."""
LEAVES_WITHIN: Final = 90.0
"""Seconds that a worker which is replaced or not wanted any more has for what it has begun: longer
than any request to a sink."""


class WorkerChild(ChildProcess):
    """Run one worker process under the consumer name of its slot, as the plan has it when it
    starts.
    """

    def __init__(self, slot: Slot, plan: Callable[[], Plan]) -> None:
        self.slot = slot
        self._plan = plan
        self._basis: tuple[Any, ...] = ()
        self._leaves_until = 0.0
        """Until when it may go on that was asked to end; 0: it was not asked."""
        super().__init__(self._popen, _next_pause)

    def tend(self) -> None:
        """Start it when it is due, replace it when it goes by other settings, log its end."""
        if self._process and not self._leaves_until and self._outdated():
            log.info("worker.replaced", slot=self.slot.key)
            self.leave()
        try:
            status = self.poll()
        except OSError as error:
            log.error("worker.not_started", slot=self.slot.key, reason=error.strerror)
            return
        if status is None:
            self._end_in_time()
        elif self._leaves_until:
            self._leaves_until = self.pause = self._due = 0.0
        else:
            log.warning("worker.ended", slot=self.slot.key, status=status)

    def leave(self) -> None:
        """Ask the process to end, once it has done what it has begun."""
        self._leaves_until = time.monotonic() + LEAVES_WITHIN
        self.terminate()

    def left(self) -> bool:
        """Return whether a process that was asked to leave has ended."""
        self._end_in_time()
        return self._process is None or self._process.poll() is not None

    def _end_in_time(self) -> None:
        if self._process and self._leaves_until and time.monotonic() > self._leaves_until:
            log.error("worker.killed", slot=self.slot.key)
            self._process.kill()

    def _outdated(self) -> bool:
        lived = time.monotonic() - self._started
        return lived >= REPLACED_AFTER and self._basis != self._plan().basis(self.slot.work)

    def _popen(self) -> "subprocess.Popen[bytes]":
        plan = self._plan()
        self._basis, given = plan.basis(self.slot.work), plan.handed_over
        # It begins with what is blocked here, and leaves Ctrl-C to us, also while it starts.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            # Our end of its standard input closes when we end, however that is; it stops then.
            return subprocess.Popen(
                [sys.executable, "-m", *self.slot.work.command(self.slot.name)],
                stdin=subprocess.PIPE,
                env=given.environ() if given else None,
                pass_fds=[given.number] if given else [],
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _next_pause(before: float, lived: float) -> float:
    return 0.0 if lived > _STEADY else min(LONGEST_PAUSE, 2 * before + 0.25)
