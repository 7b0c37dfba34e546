"""What `receiver up` prints once everything runs: the URLs; with `--demo` samples and events."""

import shlex
import time

import msgspec
import redis

from receiver.cli.send import Door, report
from receiver.cli.terminal import output
from receiver.cli.terminal.event_reader import Follow, printer
from receiver.config.settings import Settings
from receiver.runtime.blocking_http import BlockingHttp, Unreachable
from receiver.simulate.samples import DEMO, build


def wait_until_ready(url: str) -> None:
    """Wait until `/readyz` answers 200; print every few seconds why it does not."""
    http = BlockingHttp(timeout=3)
    told = time.monotonic()
    while True:
        try:
            answer = http.request("GET", f"{url}/readyz")
            ready, why = answer.status == 200, answer.text
        except Unreachable:
            ready, why = False, "no answer"
        if ready:
            http.close()
            return
        if time.monotonic() - told > 5:
            told = time.monotonic()
            output.say(f"Not ready yet: {why}")
        time.sleep(0.05)


def announce(url: str, token: str | None, settings: Settings) -> None:
    """Print the URLs to register; with a token also a command to copy."""
    query = f"?access_token={token or 'TOKEN'}"
    output.say("\nReady. Register these URLs (behind your own HTTPS name):")
    for one in [listener.name for listener in settings.listeners] or [""]:
        ending = f"/{one}" if one else ""
        output.say(
            f"  AT&T, Receive SMS              {url}/att/sms/mo{ending}{query}\n"
            f"  AT&T, Receive Delivery Status  {url}/att/sms/delivery-status{ending}{query}\n"
            f"  CAMARA, sink                   {url}/camara/notifications{ending}\n"
        )
    if token:
        command = curl(url, token, settings.own_listener)
        output.say(f"Bearer token: {token}\n\nTry it:\n  {command}\n")


def curl(url: str, token: str, listener: str) -> str:
    """Return a curl command that sends a text message."""
    sample = build("mo")
    body = msgspec.json.encode(msgspec.json.decode(sample.body)).decode()
    words = ["-H", f"Authorization: Bearer {token}", "-H", f"Content-Type: {sample.content_type}"]
    target = Door(url, token, listener).target(sample)
    return shlex.join(["curl", "-i", *words, "-d", body, target])


class Tour:
    """Send one sample of each kind and print every event, until stopped."""

    def __init__(self, door: Door, client: redis.Redis) -> None:
        self._door = door
        self._follow = Follow(client, output.say)
        self.stop = self._follow.stopping.set

    def run(self) -> None:
        """Run until stopped. Raises `BrokenPipeError` when nobody reads stdout any more."""
        self._follow.skip_past()
        output.say("One sample of each kind goes out:")
        for name in DEMO:
            output.say(f"  {self._send(name)}")
        output.say("\nEvents as they come out (Ctrl-C stops everything):")
        show = printer()
        for event in self._follow.events():
            show(event)

    def _send(self, name: str) -> str:
        try:
            return report(name, self._door.post(build(name)))
        except Unreachable:
            return f"{name}: the web half did not answer"
