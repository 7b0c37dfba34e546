"""`receiver up`: run Redis, the web process and the workers with one command."""

import os
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import click
import msgspec
import redis

from receiver.cli.send import ReceiverClient
from receiver.cli.terminal import setup
from receiver.cli.terminal.process import Process
from receiver.cli.up import demo as demo_run
from receiver.cli.up.child_process import Child, stop_all
from receiver.cli.up.console import Console
from receiver.cli.up.embedded_valkey import Embedded, EmbeddedError, unusable_directory
from receiver.cli.up.notices import notice, say
from receiver.cli.up.server_restarts import Restarts
from receiver.config import problems
from receiver.config.reload import Reload, Watch
from receiver.config.settings import Settings, SettingsError
from receiver.runtime import hangup, logs, redis_errors
from receiver.runtime.private_files import write_private

_STOP_WITHIN = 3.0
_POLL_GRACE = 2.0
"""Seconds for an answer that is under way: less than a child has to end."""


@click.command(cls=Process)
@click.option("--demo", is_flag=True, help="Generate a token, send samples, print the events.")
@click.option(
    "--console-port",
    type=click.IntRange(0, 65535),
    default=8090,
    show_default=True,
    help="Where the console listens on 127.0.0.1; 0: no console.",
)
def command(*, demo: bool, console_port: int) -> None:
    """Run everything with one command: Valkey (unless REDIS_URL is set), web, workers, console.

    \b
      receiver up --demo                         see it work; it prints a curl command to copy
      receiver up --demo | jq .                  events as lines of JSON, all else on stderr
      RECEIVER_BEARER_TOKENS=... receiver up     in production, on one machine

    The data are in RECEIVER_DATA_DIR (./var) and outlast a restart; while Redis is unreachable
    notifications wait there in a spool. Ctrl-C stops everything within five seconds. `receiver
    send`, `tail` and `ledger`, run in the same directory, find this receiver.
    """
    _interrupt_on_signals()
    try:
        found = setup.settings()
        logs.configure(found.log_level)
        Up(found, demo=demo, console_port=console_port).run()
    except (EmbeddedError, SettingsError) as error:
        raise setup.Refused(str(error)) from None
    except KeyboardInterrupt:
        say("Stopped.", "up.stopped")


class Up:
    """The embedded server, the web process and the workers, started and stopped together."""

    def __init__(self, settings: Settings, *, demo: bool, console_port: int) -> None:
        if settings.port == 0:
            settings = msgspec.structs.replace(settings, port=_free_port(settings.host))
        setup.refuse_taken_port(settings)
        self._settings = settings
        self._url = setup.base_url(settings)
        self._token = _demo_token(settings.data_dir) if demo else None
        self._server = None if settings.redis_url else Embedded(settings, notice)
        self._children: list[Child] = []
        self._console = Console(console_port, self._url)
        self._reload = Reload(os.environ, problems.poll_problems)
        self._polls = bool(settings.polls)
        """Whether `receiver.toml` has ever asked for polls since this began."""
        self._demo: demo_run.Demo | None = None
        self._fault: setup.Refused | None = None
        self._stopping = threading.Event()

    def run(self) -> NoReturn:
        """Run until Ctrl-C (`KeyboardInterrupt`) or a fault that no restart mends."""
        try:
            Watch(self._reload, self._take).start()
            if self._server:
                self._server.start()
            self._client = setup.connect(self._redis_url())
            if not self._token:
                setup.refuse_without_credential(self._settings, self._redis_url())
            environ = self._environ()
            self._children.append(Child("web", ["receiver", "web"], environ))
            self._children.append(Child("worker", ["workers"], environ))
            if self._console.can_start():
                self._console.start(environ)
            self._look_after_children(environ)
            threading.Thread(target=self._announce, name="announce", daemon=True).start()
            self._supervise(environ)
        finally:
            self._stop()

    def _take(self, settings: Settings) -> None:
        """Note that there are polls now; the other processes take the file by themselves."""
        self._polls = self._polls or bool(settings.polls)

    def _start_polls(self, environ: dict[str, str]) -> None:
        """Start the process that polls, once there is a poll. Main thread only."""
        if self._polls and not any(child.name == "poll" for child in self._children):
            poll = ["receiver", "poll", "--grace", str(_POLL_GRACE)]
            self._children.append(Child("poll", poll, environ))

    def _supervise(self, environ: dict[str, str]) -> NoReturn:
        restarts = Restarts(self._server) if self._server else None
        while True:
            time.sleep(0.1)
            self._look_after_children(environ)
            if restarts and restarts.restart_if_ended(lambda: self._look_after_children(environ)):
                self._move(environ)

    def _move(self, environ: dict[str, str]) -> None:
        """Start what uses the embedded server again, for its new address. Main thread only."""
        notice("the embedded Valkey's port was taken: it has another, and all else starts again")
        environ["REDIS_URL"] = self._redis_url()
        self._client = setup.connect(self._redis_url())
        if self._demo:
            self._demo.go_on_at(self._client)
        stop_all([*self._children, *self._console.children], within=_STOP_WITHIN)
        if self._console.children:
            self._console.start(environ)

    def _look_after_children(self, environ: dict[str, str]) -> None:
        if self._fault:
            raise self._fault
        self._start_polls(environ)
        for child in self._children:
            child.restart_if_ended(notice)
            if child.refused and (child.name != "poll" or self._settings.polls):
                raise SystemExit(2)  # not for what a later receiver.toml asks for
        self._console.restart_if_ended()

    def _stop(self) -> None:
        """Stop everything, within four and a half seconds."""
        self._stopping.set()
        if self._demo:
            self._demo.stop()
        stop_all([*self._children, *self._console.children], within=_STOP_WITHIN)
        if self._server:
            self._server.stop()

    def _announce(self) -> None:
        """Print the URLs and run the demo, in a thread beside the main thread's `_supervise`."""
        try:
            demo_run.wait_until_ready(self._url)
            demo_run.announce(self._url, self._token, self._settings)
            demo = bool(self._token)
            self._with_redis(lambda: self._console.announce(self._client, demo=demo))
            if self._token:
                sender = ReceiverClient(self._url, self._token, self._settings.own_listener)
                self._demo = demo_run.Demo(sender, self._client, self._settings)
                self._with_redis(self._demo.begin)
                self._demo.send()
                self._with_redis(self._demo.show)
        except setup.Refused as fault:
            self._fault = fault
        except BrokenPipeError:
            # Nobody reads the events any more; Python flushes the rest of them at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            os.kill(os.getpid(), signal.SIGTERM)

    def _with_redis(self, do: Callable[[], None]) -> None:
        """Do it as soon as Redis lets it be done; web and spool work meanwhile. Say once why it
        waits. Ends the thread where all stops.
        """
        said = ""
        while not self._stopping.is_set():
            try:
                do()
                return
            except redis.RedisError as error:
                if not said:
                    said = redis_errors.message(error)
                    notice(f"Redis: {said}; what comes next waits for it")
            self._stopping.wait(0.5)
        raise SystemExit

    def _redis_url(self) -> str:
        return self._server.url if self._server else self._settings.redis_url or ""

    def _environ(self) -> dict[str, str]:
        spool = self._settings.spool_dir or self._settings.data_dir / "spool"
        tokens = [os.environ.get("RECEIVER_BEARER_TOKENS", ""), self._token or ""]
        return os.environ | {
            "PORT": str(self._settings.port),
            "REDIS_URL": self._redis_url(),
            "RECEIVER_SPOOL_DIR": str(spool),
            "RECEIVER_PARK_DIR": str(self._settings.park_dir or self._settings.data_dir / "parked"),
            "PYTHONSAFEPATH": "1",  # or a folder `workers` in the current directory is run
            "RECEIVER_BEARER_TOKENS": ",".join(token for token in tokens if token),
        }


def _interrupt_on_signals() -> None:
    """Turn the first signal into `KeyboardInterrupt`, and ignore those that follow.

    SIGINT counts also where it is ignored: the shell of a script has it so for what it starts in
    the background, and Ctrl-C is to stop everything there too. SIGHUP stops only where the terminal
    is gone (`receiver.runtime.hangup`).
    """
    hangup.listen()
    names = [signal.SIGINT, signal.SIGTERM]

    def interrupt(_number: int, _frame: object) -> None:
        for name in names:
            signal.signal(name, signal.SIG_IGN)
        raise KeyboardInterrupt

    for name in names:
        signal.signal(name, interrupt)


def _demo_token(data_dir: Path) -> str:
    """Return the token of the demo, the same at every start: copied commands go on working."""
    file = data_dir / "demo-token"
    try:
        if file.exists() and (token := file.read_text("ascii", "ignore").strip()):
            return token
        data_dir.mkdir(parents=True, exist_ok=True)
        token = secrets.token_urlsafe(24)
        write_private(file, token + "\n")
    except OSError as error:
        raise EmbeddedError(unusable_directory(data_dir, error)) from None
    return token


def _free_port(host: str) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as probe:
        port: int = probe.getsockname()[1]
    return port
