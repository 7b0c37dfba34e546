"""A poll in this process, at any gateway, in a hurry; and what it brought to the inbound stream."""

import asyncio
import itertools
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from receiver.config.polls import Poll
from receiver.config.settings import Settings, load
from receiver.contract.records import Notification, Refusal, decode_notification, decode_refusal
from receiver.contract.redis_keys import EVENTS, INBOUND, REJECTED, poll_state
from receiver.polling.pace import Pace
from receiver.polling.process import Process
from receiver.polling.rounds import Round
from tests.support.commands import environment
from tests.support.valkey import Valkey
from workers.normalise.job import Normaliser

FAST = Pace(
    jitter=0.0,
    failures=(0.05, 0.1),
    connect=20.0,
    idle=20.0,
    lease=1.0,
    tick=0.02,
    grace=1.0,
    append=20.0,
)
REGISTRATION = "22627000"


def configured(gateway: str, more: str = "", *, kind: str = "att-inbox") -> str:
    """The text of a `receiver.toml` with one poll, `promo`."""
    own = f'registration = "{REGISTRATION}"' if kind == "att-inbox" else ""
    return f"""
[[poll]]
name = "promo"
kind = "{kind}"
{own}
base_url = "{gateway}"
client_id_env = "ATT_APP_KEY"
client_secret_env = "ATT_APP_SECRET"
{more}
"""


def remembered(client: Any) -> list[int]:
    """For how many seconds each receipt is known yet, under which a page was appended."""
    names = [name for name in client.keys("receiver:flusher:*") if not name.endswith(b":probe")]
    return [client.ttl(name) for name in names]


class Polled:
    """A directory with a `receiver.toml` and page files, and one Valkey."""

    def __init__(self, valkey: Valkey, directory: Path, toml: str) -> None:
        self.valkey = valkey
        self.directory = directory
        self.redis: Any = valkey.client()
        self.more: dict[str, str] = {}
        """More variables that the process sees."""
        self._file = directory / "receiver.toml"
        self._file.write_text(toml)

    @property
    def environ(self) -> dict[str, str]:
        """What the process sees."""
        return {
            "REDIS_URL": self.valkey.url,
            "RECEIVER_DATA_DIR": str(self.directory),
            "RECEIVER_CONFIG": str(self._file),
            "ATT_APP_KEY": "simulated-client",
            "ATT_APP_SECRET": "simulated-secret",
            "RECEIVER_LOG_LEVEL": "debug",
        } | self.more

    @property
    def settings(self) -> Settings:
        """Its settings, read anew."""
        return load(self.environ)

    @property
    def poll(self) -> Poll:
        """Its poll."""
        return self.settings.polls[0]

    def once(self, pace: Pace = FAST, *, times: int = 1) -> Round:
        """One round now, or several of one process; how the last one ended."""

        async def run() -> Round:
            process = Process(self.settings, lambda: False, pace)
            try:
                for _ in range(times - 1):
                    await process.once(self.poll)
                return await process.once(self.poll)
            finally:
                await process.close()

        return asyncio.run(run())

    def until(
        self, condition: Callable[[], object], pace: Pace = FAST, within: float = 120
    ) -> None:
        """Poll as `receiver poll` does until the condition holds."""

        async def run() -> None:
            over = False
            process = Process(self.settings, lambda: over, pace)
            running = asyncio.create_task(process.run())
            try:
                async with asyncio.timeout(within):
                    while not await asyncio.to_thread(condition):
                        if running.done():
                            running.result()
                        await asyncio.sleep(0.02)
            finally:
                over = True
                await running
                await process.close()

        asyncio.run(run())

    def started(self) -> "Pollers":
        """What starts `receiver poll` as a process, again and again."""
        return Pollers(environment(**self.environ), self.directory / "log")

    def pages(self) -> list[str]:
        """The names of the page files."""
        return sorted(path.name for path in (self.directory / "pages").glob("*.page"))

    def inbound(self) -> list[Notification]:
        """Everything on the inbound stream."""
        return [decode_notification(fields[b"n"]) for _, fields in self.redis.xrange(INBOUND)]

    def rejected(self) -> list[Refusal]:
        """Everything on the stream of what was refused."""
        return [decode_refusal(fields[b"r"]) for _, fields in self.redis.xrange(REJECTED)]

    def events(self) -> list[dict[str, Any]]:
        """Every event, after what is open is normalised."""
        Normaliser(self.redis, f"test-{next(_names)}", self.settings, lambda: False).run()
        return [msgspec.json.decode(fields[b"event"]) for _, fields in self.redis.xrange(EVENTS)]

    def texts(self) -> list[str]:
        """The texts of all events."""
        return [event["data"]["text"] for event in self.events()]

    def state(self) -> dict[str, str]:
        """What stands in Redis about the poll."""
        found = self.redis.hgetall(poll_state("promo"))
        return {name.decode(): value.decode() for name, value in found.items()}

    def outcomes(self) -> dict[str, int]:
        """How its requests ended."""
        return {
            name.partition(":")[2]: int(count)
            for name, count in self.state().items()
            if name.startswith("polls:")
        }


_names = itertools.count()


class Pollers:
    """Starts one process after the other, each killed at a point (`tests.support.dying_poll`)."""

    def __init__(self, environ: dict[str, str], log: Path) -> None:
        command = [sys.executable, "-P", "-m", "tests.support.dying_poll"]
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                command,
                env=environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                bufsize=1,
            )

    def live(self, point: str, seconds: float = 30) -> tuple[int, float]:
        """One life, at most so long, then SIGKILL. Returns how it ended, and when."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{point}\n")
        child = int(self._process.stdout.readline())
        ended, _, _ = select.select([self._process.stdout], [], [], seconds)
        at = time.time()
        if not ended:
            os.kill(child, signal.SIGKILL)
        status, died = self._process.stdout.readline().split()
        return int(status), float(died) or at  # of its own death we hear later

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()
