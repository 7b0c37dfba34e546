"""A log line that cannot be written costs no notification, no event and no process."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from receiver.contract.redis_keys import poll_state
from tests.support.commands import RECEIVER, free_port
from tests.support.eventually import eventually
from tests.support.running import Receiver, mo
from tests.support.valkey import Valkey

POLL = """
[[poll]]
name = "promo"
kind = "att-inbox"
registration = "22627000"
base_url = "http://127.0.0.1:1"
client_id_env = "KEY"
client_secret_env = "KEY"
"""
pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")


@pytest.fixture
def receiver(valkey: Valkey, tmp_path: Path) -> Iterator[Receiver]:
    running = Receiver(valkey, tmp_path, KEY="key", RECEIVER_LOG_LEVEL="debug")
    running.log = Path("/dev/full")
    try:
        yield running
    finally:
        running.stop()


def test_web_and_worker_take_in_and_publish(receiver: Receiver) -> None:
    receiver.start()
    receiver.acknowledged("/att/sms/mo", mo())
    assert receiver.post("/att/sms/mo", b"{}").status == 400
    receiver.valkey.kill()
    assert receiver.post("/att/sms/mo", mo()).status == 503
    receiver.valkey.start()
    eventually(lambda: receiver.post("/att/sms/mo", mo()).status == 204)
    assert receiver.settled().published >= 2
    assert receiver.worker
    assert receiver.worker.poll() is None


def test_the_poller_and_the_console_go_on(receiver: Receiver, tmp_path: Path) -> None:
    (tmp_path / "receiver.toml").write_text(POLL)
    port = free_port()
    poll = receiver.spawn([*RECEIVER, "poll"])
    console = receiver.spawn([*RECEIVER, "console", "--port", str(port)])
    eventually(
        lambda: b"unreachable" in (receiver.redis.hget(poll_state("promo"), "outcome") or b"")
    )
    (tmp_path / "receiver.toml").write_text("[[poll")  # a line of each of them
    eventually(lambda: _sign_in(port) == 200)
    for process in (poll, console):
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def _sign_in(port: int) -> int:
    try:
        return urllib3.request("GET", f"http://127.0.0.1:{port}/login", retries=False).status
    except urllib3.exceptions.HTTPError:
        return 0
