"""One sink's trouble is nobody else's: the whole background half, as it is run."""

import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from receiver.contract.redis_keys import EVENTS, forward_group
from tests.support.commands import environment
from tests.support.consumer import Consumer, Handler, Request, consuming
from tests.support.eventually import eventually
from tests.support.forked import Forked
from tests.support.forwarding import event, publish
from tests.support.running import programs_in
from tests.support.valkey import Valkey

FILE = """
[[sink]]
name = "copy"
kind = "redis-stream"
stream = "company:events"

[[sink]]
name = "good"
kind = "http"
url = "{good}"
allow = ["127.0.0.1"]

[[sink]]
name = "bad"
kind = "http"
url = "{bad}"
allow = ["127.0.0.1"]
timeout = 20
"""


@contextmanager
def workers(valkey: Valkey, tmp_path: Path, **urls: str) -> Iterator["subprocess.Popen[bytes]"]:
    file = tmp_path / "receiver.toml"
    file.write_text(FILE.format(**urls))
    environ = environment(REDIS_URL=valkey.url, RECEIVER_CONFIG=str(file))
    with Forked(
        [sys.executable, "-P", "-m", "workers"],
        cwd=tmp_path,
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    ) as process:
        try:
            client: Any = valkey.client()
            eventually(lambda: client.exists(EVENTS) and len(client.xinfo_groups(EVENTS)) == 3)
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def delays(valkey: Valkey, good: Consumer, first: int, count: int) -> list[float]:
    """How long each of so many lone events takes to the good consumer."""
    found = []
    for number in range(first, first + count):
        begin = time.monotonic()
        publish(valkey, event(number))
        wanted = event(number)["id"]
        eventually(lambda: wanted in good.ids)  # noqa: B023 - over before the next one
        found.append(time.monotonic() - begin)
    return found


def test_a_hanging_consumer_does_not_delay_the_others(valkey: Valkey, tmp_path: Path) -> None:
    with (
        consuming() as good,
        consuming() as bad,
        workers(valkey, tmp_path, good=good.url, bad=bad.url),
    ):
        delays(valkey, good, 0, 3)  # until everything has been started
        before = statistics.median(delays(valkey, good, 10, 15))
        mended = threading.Event()

        def hang(_request: Request, _handler: Handler) -> int:
            mended.wait(60)
            return 503

        bad.behaviour = hang
        during = statistics.median(delays(valkey, good, 30, 15))
        client: Any = valkey.client()
        eventually(lambda: len(client.xrange("company:events")) == 33)
        # The bad one's requests take twenty seconds: whoever waited for them would show it.
        assert during < before + 10
        bad.behaviour = lambda _request, _handler: 204
        mended.set()
        eventually(lambda: len(set(bad.ids)) == 33, within=120)
        # A request is there before its answer is in the books.
        names = ("copy:delivered", "good:delivered")
        eventually(lambda: client.hmget("receiver:sinks", names) == [b"33", b"33"])


def test_workers_killed_and_started_again_lose_nothing(valkey: Valkey, tmp_path: Path) -> None:
    with consuming() as good, consuming() as bad:
        urls = {"good": good.url, "bad": bad.url}
        with workers(valkey, tmp_path, **urls):
            for round_ in range(5):
                publish(valkey, *(event(100 * round_ + n) for n in range(50)))
                for pid in forwarders(tmp_path):
                    with suppress(ProcessLookupError):  # killed a round ago
                        os.kill(pid, signal.SIGKILL)
            client: Any = valkey.client()
            wanted = {event(100 * round_ + n)["id"] for round_ in range(5) for n in range(50)}
            eventually(lambda: set(good.ids) >= wanted and set(bad.ids) >= wanted, within=120)
            eventually(lambda: client.xlen("company:events") >= 250)
            eventually(lambda: client.xpending(EVENTS, forward_group("copy"))["pending"] == 0)
            found = [
                msgspec.json.decode(x[b"event"])["id"] for _, x in client.xrange("company:events")
            ]
            assert sorted(found) == sorted(wanted)


def forwarders(directory: Path) -> list[int]:
    found = []
    for pid in programs_in(directory):
        with suppress(OSError):  # killed a round ago, and buried since it was listed
            _, _, arguments = Path(f"/proc/{pid}/cmdline").read_bytes().partition(b"\0")
            if b"forward" in arguments:
                found.append(pid)
    return found


def test_a_variable_that_is_missing_stops_the_start_and_names_it(
    valkey: Valkey, tmp_path: Path
) -> None:
    file = tmp_path / "receiver.toml"
    file.write_text(
        '[[sink]]\nname = "web"\nkind = "http"\nurl = "https://hooks.example.com"\n'
        'secrets_env = ["NOT_SET_ANYWHERE"]\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "workers"],
        env=environment(REDIS_URL=valkey.url, RECEIVER_CONFIG=str(file)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "NOT_SET_ANYWHERE" in done.stderr
