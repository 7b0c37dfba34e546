"""`receiver up`: run Redis, web and workers in one command."""

import os
import secrets
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import NoReturn

import click
import msgspec

from receiver.cli.send import Door
from receiver.cli.terminal import output, setup
from receiver.cli.up import demo as tour
from receiver.cli.up.child_process import Child, stop
from receiver.cli.up.embedded_valkey import Embedded, EmbeddedError, unusable
from receiver.config.settings import Settings
from receiver.runtime.private_files import write_private

_STOP_WITHIN = 3.0
_POLL_GRACE = 2.0
"""Seconds for an answer that is under way: less than a child has to end."""


@click.command()
@click.option("--demo", is_flag=True, help="Make a token, send samples, print the events.")
def command(*, demo: bool) -> None:
    """Run everything in one: an embedded Valkey (unless REDIS_URL is set), web and workers.

    \b
      receiver up --demo                         see it work; then copy the curl line it prints
      receiver up --demo | jq .                  the events as JSON lines, all else on stderr
      RECEIVER_BEARER_TOKENS=... receiver up     for real, on one machine

    The data stay in RECEIVER_DATA_DIR (./var), and while Redis is away notifications wait there in
    a spool: stop and start as you like. Ctrl-C stops everything within five seconds and leaves no
    process behind. `receiver send`, `tail` and `ledger` find it from the same directory.
    """
    _interrupt_on_signals()
    try:
        Up(setup.settings(), demo=demo).run()
    except EmbeddedError as error:
        raise setup.Refused(str(error)) from None
    except KeyboardInterrupt:
        output.say("Stopped.")


class Up:
    """Run the embedded server, the web half and the workers, and stop them in order."""

    def __init__(self, settings: Settings, *, demo: bool) -> None:
        if settings.port == 0:
            settings = msgspec.structs.replace(settings, port=_free_port(settings.host))
        setup.refuse_taken_port(settings)
        self._settings = settings
        self._url = setup.base_url(settings)
        self._token = _demo_token(settings.data_dir) if demo else None
        self._server = None if settings.redis_url else Embedded(settings, output.say)
        self._children: list[Child] = []
        self._tour: tour.Tour | None = None
        self._unwritable: setup.Refused | None = None

    def run(self) -> NoReturn:
        """Run until Ctrl-C (`KeyboardInterrupt`) or a fault that no restart would mend."""
        try:
            if self._server:
                self._server.start()
            if not self._token:
                setup.refuse_without_credential(self._settings, self._redis_url())
            environ = self._environ()
            self._children.append(Child("web", ["receiver", "web"], environ))
            self._children.append(Child("worker", ["workers"], environ))
            if self._settings.polls:
                poll = ["receiver", "poll", "--grace", str(_POLL_GRACE)]
                self._children.append(Child("poll", poll, environ))
            threading.Thread(target=self._guide, name="guide", daemon=True).start()
            self._tend()
        finally:
            self._stop()

    def _tend(self) -> NoReturn:
        begun = time.monotonic()
        while True:
            time.sleep(0.1)
            if self._unwritable:
                raise self._unwritable
            for child in self._children:
                child.tend(output.say)
                if child.refused:
                    raise SystemExit(2)
            if self._server and time.monotonic() - begun > 1:
                begun = time.monotonic()
                self._tend_server(self._server)

    def _tend_server(self, server: Embedded) -> None:
        if server.lives():
            return
        output.say("the embedded Valkey ended; it starts again")
        before = server.url
        server.start()
        if server.url != before:
            raise setup.Refused("the embedded Valkey's port was taken: start again")

    def _stop(self) -> None:
        """Stop everything, within four and a half seconds."""
        if self._tour:
            self._tour.stop()
        stop(self._children, within=_STOP_WITHIN)
        if self._server:
            self._server.stop(within=1.5)

    def _guide(self) -> None:
        """Print the URLs and run the demo, beside the main thread, which tends the children."""
        try:
            tour.wait_until_ready(self._url)
            tour.announce(self._url, self._token, self._settings)
            if self._token:
                client = setup.connect(self._redis_url())
                door = Door(self._url, self._token, self._settings.own_listener)
                self._tour = tour.Tour(door, client)
                self._tour.run()
        except setup.Refused as fault:
            self._unwritable = fault
        except BrokenPipeError:
            # Nobody reads the events any more; what Python flushes at its end must go somewhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            os.kill(os.getpid(), signal.SIGTERM)

    def _redis_url(self) -> str:
        return self._server.url if self._server else self._settings.redis_url or ""

    def _environ(self) -> dict[str, str]:
        spool = self._settings.spool_dir or self._settings.data_dir / "spool"
        tokens = [os.environ.get("RECEIVER_BEARER_TOKENS", ""), self._token or ""]
        return os.environ | {
            "PORT": str(self._settings.port),
            "REDIS_URL": self._redis_url(),
            "RECEIVER_SPOOL_DIR": str(spool),
            "PYTHONSAFEPATH": "1",  # a folder called `workers` where we are started is not ours
            "RECEIVER_BEARER_TOKENS": ",".join(token for token in tokens if token),
        }


def _interrupt_on_signals() -> None:
    """Turn the first signal into `KeyboardInterrupt`, and ignore those that follow.

    SIGHUP stays ignored where it is, as `nohup` has it. SIGINT does not: the shell of a script has
    it ignored by what it starts in the background, and Ctrl-C is to stop everything there too.
    """
    names = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        names.append(signal.SIGHUP)

    def interrupt(_number: int, _frame: object) -> None:
        for name in names:
            signal.signal(name, signal.SIG_IGN)
        raise KeyboardInterrupt

    for name in names:
        signal.signal(name, interrupt)


def _demo_token(data_dir: Path) -> str:
    """Return the demo's token, the same at every start, so that copied commands go on working."""
    file = data_dir / "demo-token"
    try:
        if file.exists() and (token := file.read_text("ascii", "ignore").strip()):
            return token
        data_dir.mkdir(parents=True, exist_ok=True)
        token = secrets.token_urlsafe(24)
        write_private(file, token + "\n")
    except OSError as error:
        raise EmbeddedError(unusable(data_dir, error)) from None
    return token


def _free_port(host: str) -> int:
    with socket.create_server((host, 0)) as probe:
        port: int = probe.getsockname()[1]
    return port
