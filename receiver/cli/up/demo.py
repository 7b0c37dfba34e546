"""What `receiver up` prints once everything runs: URLs, and with `--demo` samples and events."""

import shlex
import time

import msgspec
import redis

from receiver.cli.send import ReceiverClient, format_answer
from receiver.cli.terminal import output
from receiver.cli.terminal.event_reader import EventReader, event_printer
from receiver.config.settings import Settings
from receiver.runtime.blocking_http import BlockingHttp, Unreachable
from receiver.simulate.samples import DEMO, build


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
            output.print_message(f"Not ready yet: {why}")
        time.sleep(0.05)


def announce(url: str, token: str | None, settings: Settings) -> None:
    """Print the URLs to register at the carriers; with a token also a command to copy."""
    query = f"?access_token={token or 'TOKEN'}"
    output.print_message("\nReady. Register these URLs (behind your own HTTPS name):")
    for one in [listener.name for listener in settings.listeners] or [""]:
        ending = f"/{one}" if one else ""
        output.print_message(
            f"  AT&T, Receive SMS              {url}/att/sms/mo{ending}{query}\n"
            f"  AT&T, Receive Delivery Status  {url}/att/sms/delivery-status{ending}{query}\n"
            f"  CAMARA, sink                   {url}/camara/notifications{ending}\n"
        )
    if token:
        command = curl(url, token, settings.own_listener)
        output.print_message(f"Bearer token: {token}\n\nTry it:\n  {command}\n")


def curl(url: str, token: str, listener: str) -> str:
    """Return a curl command that sends a text message."""
    sample = build("mo")
    body = msgspec.json.encode(msgspec.json.decode(sample.body)).decode()
    words = ["-H", f"Authorization: Bearer {token}", "-H", f"Content-Type: {sample.content_type}"]
    target = ReceiverClient(url, token, listener).target(sample)
    return shlex.join(["curl", "-i", *words, "-d", body, target])


class Demo:
    """The demonstration: it sends a sample of each kind, and prints events until stopped."""

    def __init__(self, sender: ReceiverClient, client: redis.Redis) -> None:
        self._sender = sender
        self._reader = EventReader(client, output.print_message)
        self.stop = self._reader.stopping.set

    def run(self) -> None:
        """Run the demonstration. Raises `BrokenPipeError` when nobody reads stdout any more."""
        self._reader.start_at_end()
        output.print_message("Sending a sample of each kind:")
        for name in DEMO:
            output.print_message(f"  {self._send(name)}")
        output.print_message("\nEvents as they are published (Ctrl-C stops everything):")
        show = event_printer()
        for event in self._reader.events():
            show(event)

    def _send(self, name: str) -> str:
        try:
            return format_answer(name, self._sender.post(build(name)))
        except Unreachable:
            return f"{name}: the web process did not answer"
