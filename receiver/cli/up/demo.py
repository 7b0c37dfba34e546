"""What `receiver up` prints once everything runs: URLs, and with `--demo` samples and events."""

import shlex
import sys
import time
from collections.abc import Iterator
from datetime import UTC, tzinfo

import msgspec
import redis
import structlog

from receiver.cli.send import ReceiverClient, format_answer
from receiver.cli.terminal.event_reader import EventReader, event_printer
from receiver.cli.up.notices import notice, say, watched
from receiver.config.settings import Settings
from receiver.runtime.blocking_http import BlockingHttp, Unreachable
from receiver.simulate.samples import DEMO, build

log = structlog.get_logger()


def wait_until_ready(url: str) -> None:
    """Wait until `/readyz` answers 200; print every few seconds why it does not."""
    http = BlockingHttp(timeout=3)
    printed = time.monotonic()
    while True:
        try:
            answer = http.request("GET", f"{url}/readyz")
            ready, why = answer.status == 200, answer.text
        except Unreachable:
            ready, why = False, "no answer"
        if ready:
            http.close()
            return
        if time.monotonic() - printed > 5:
            printed = time.monotonic()
            notice(f"Not ready yet: {why}")
        time.sleep(0.05)


def announce(url: str, token: str | None, settings: Settings) -> None:
    """Say the URLs to register at the carriers; with a token also a command to copy. A log gets
    neither the token nor the command that has it.
    """
    if not watched():
        file = settings.data_dir / "demo-token"
        more = {"token_file": str(file)} if token else {}
        log.info(
            "up.ready", url=url, register=[one for _, one in _urls(url, settings, None)], **more
        )
        return
    notice("\nReady. Register these URLs (behind your own HTTPS name):")
    for name, one in _urls(url, settings, token):
        notice(f"  {name:<30} {one}")
    if token:
        command = curl(url, token, settings.own_listener, _zone(settings))
        notice(f"\nBearer token: {token}\n\nTry it:\n  {command}\n")


def _urls(url: str, settings: Settings, token: str | None) -> Iterator[tuple[str, str]]:
    """Yield what each URL is for, and the URL, with the token where a carrier needs it there."""
    query = f"?access_token={token or 'TOKEN'}"
    for one in [listener.name for listener in settings.listeners] or [""]:
        ending = f"/{one}" if one else ""
        yield "AT&T, Receive SMS", f"{url}/att/sms/mo{ending}{query}"
        yield "AT&T, Receive Delivery Status", f"{url}/att/sms/delivery-status{ending}{query}"
        yield "CAMARA, sink", f"{url}/camara/notifications{ending}"


def _zone(settings: Settings) -> tzinfo:
    return settings.place(settings.own_listener or "default")[0]


def curl(url: str, token: str, listener: str, zone: tzinfo = UTC) -> str:
    """Return a curl command that sends a text message."""
    sample = build("mo", zone)
    body = msgspec.json.encode(msgspec.json.decode(sample.body)).decode()
    words = ["-H", f"Authorization: Bearer {token}", "-H", f"Content-Type: {sample.content_type}"]
    target = ReceiverClient(url, token, listener).target(sample)
    return shlex.join(["curl", "-i", *words, "-d", body, target])


class Demo:
    """The demonstration: it sends a sample of each kind, and prints events until stopped."""

    def __init__(self, sender: ReceiverClient, client: redis.Redis, settings: Settings) -> None:
        self._sender = sender
        self._zone = _zone(settings)
        self._reader = EventReader(client, notice)
        self.stop = self._reader.stopping.set

    def begin(self) -> None:
        """Note where the events begin that are shown. Raises `redis.RedisError`."""
        self._reader.start_at_end()

    def go_on_at(self, client: redis.Redis) -> None:
        """Read on where the server is now."""
        self._reader.client = client

    def send(self) -> None:
        """Send a sample of each kind."""
        say("Sending a sample of each kind:", "demo.begins")
        for name in DEMO:
            self._send(name)
        if watched():
            notice("\nEvents as they are published (Ctrl-C stops everything):")

    def show(self) -> None:
        """Print events until stopped; called again it goes on where it was. Raises
        `redis.RedisError`, and `BrokenPipeError` when nobody reads stdout any more.
        """
        show = event_printer(as_json=not sys.stdout.isatty())
        for event in self._reader.events():
            show(event)

    def _send(self, name: str) -> None:
        try:
            answer = self._sender.post(build(name, self._zone))
        except Unreachable:
            notice(f"{name}: the web process did not answer")
            return
        said = f"  {format_answer(name, answer)}"
        took = answer.milliseconds
        say(said, "demo.sent", sample=name, status=answer.status, milliseconds=round(took, 1))
