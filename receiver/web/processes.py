"""The processes of `WEB_CONCURRENCY` above 1: uvicorn's supervisor, as ours have to be kept."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from multiprocessing import resource_tracker
from socket import socket
from typing import Any, Final, NamedTuple

import structlog
from uvicorn.config import STARTUP_FAILURE, Config
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

from receiver.config.reload import Reload, Watch
from receiver.runtime import hangup

log = structlog.get_logger()

LONGEST_PAUSE: Final = 10.0
"""Seconds between two starts of a process that ends again and again."""
_STEADY: Final = 10.0
"""Seconds after which an end is followed by a start at once."""


class _Application(NamedTuple):
    """Make the application of a process that goes by a text of `receiver.toml`, whatever the file
    says by then.
    """

    text: str

    def __call__(self) -> Any:
        from receiver.web import app  # late: the supervisor needs nothing of it

        return app.create(self.text)


class _Place:
    """One of the processes as its supervisor has it: when it was started, and when it may be
    again.
    """

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._pause = 0.0
        self.due = 0.0
        """When it may be started again; 0: nobody has noticed yet that it ended."""
        self.serves = False
        """Whether it was seen to serve."""

    def ended(self) -> None:
        """Note that it has ended, or could not be started."""
        now = time.monotonic()
        steady = now - self._started > _STEADY
        self._pause = 0.0 if steady else min(LONGEST_PAUSE, 2 * self._pause + 0.25)
        self.due, self.serves = now + self._pause, False

    def begins(self) -> None:
        """Note that it is started."""
        self._started, self.due = time.monotonic(), 0.0


class Processes(Multiprocess):
    """Keep so many processes serving. Also hears a signal while it waits for them to end."""

    _first = signal.SIGTERM

    def __init__(self, config: Config, sockets: list[socket], reload: Reload) -> None:
        """`reload` follows `receiver.toml` for the processes that are started later."""
        self._reload = reload
        self.failed = False
        """Whether none could start."""
        self._places = [_Place() for _ in range(config.workers)]
        Watch(reload, lambda _: None).start()
        super().__init__(config, sockets)  # the signals are its own from here on

    def init_processes(self) -> None:
        """Start them."""
        for place in self._places:
            self.processes.append(self._started(place))

    def keep_subprocess_alive(self) -> None:
        """Start those that have ended. One that cannot start, for its disk say, is tried again as
        long as another one serves; else all end.
        """
        within = self.config.timeout_worker_healthcheck
        for number, process in enumerate(self.processes):
            if self.should_exit.is_set():
                return
            if process.is_alive(timeout=within):
                place = self._places[number]
                place.serves = place.serves or process.is_ready(timeout=within)
            else:
                self._start_again(number, process)

    def handle_hup(self) -> None:
        """Read `receiver.toml` anew and pass SIGHUP on: each process does so, and none is started
        anew. End where the terminal is gone.
        """
        if hangup.left_behind():
            self.should_exit.set()
            return
        hangup.ask()
        for process in self.processes:
            if process.pid and process.exitcode is None:
                os.kill(process.pid, signal.SIGHUP)

    def handle_ttin(self) -> None:
        """Start one more, as uvicorn's supervisor does."""
        place = _Place()
        self.processes.append(self._started(place))
        self._places.append(place)
        self.processes_num += 1

    def handle_ttou(self) -> None:
        """End the last one, unless it is the only one, as uvicorn's supervisor does."""
        super().handle_ttou()
        del self._places[len(self.processes) :]

    def handle_int(self) -> None:
        """Remember which signal it was."""
        self._first = signal.SIGINT
        super().handle_int()

    def join_all(self) -> None:
        """Wait for the processes to end; a second signal ends the wait."""
        for process in self.processes:
            while process.process.is_alive():
                process.process.join(0.1)
                if self._first in self.signal_queue:
                    process.kill()

    def _start_again(self, number: int, ended: Process) -> None:
        place = self._places[number]
        if not place.due:
            ended.kill()  # it may hang
            ended.join()
            place.ended()
            log.warning("web.process_ended", status=ended.exitcode)
            if ended.exitcode == STARTUP_FAILURE and not any(each.serves for each in self._places):
                self.failed = True
                self.should_exit.set()
                return
        if time.monotonic() >= place.due:
            try:
                self.processes[number] = self._started(place)
            except OSError as error:
                place.ended()
                log.error("web.process_not_started", reason=error.strerror)

    def _started(self, place: _Place) -> Process:
        """Return a process that was just started. Raises `OSError`."""
        config: Any = self.config
        config.app = _Application(self._reload.text)
        process = Process(self.config, self.sockets)
        with _without_signals():
            process.start()
        place.begins()
        return process


@contextlib.contextmanager
def _without_signals() -> Iterator[None]:
    """Put signals off until the end of the block. A process that is started in it hears SIGHUP once
    it listens (`hangup.listen`), and leaves Ctrl-C to us, also while it imports.
    """
    resource_tracker.ensure_running()  # which would let Ctrl-C in again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP, signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
