"""`receiver.toml` changes under web and workers at work: nothing is lost, nothing comes twice."""

import itertools
import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import urllib3

from receiver.contract.redis_keys import forward_group
from tests.support.eventually import eventually
from tests.support.put import put
from tests.support.running import TOKEN, Receiver, mo
from tests.support.valkey import Valkey

LISTENERS = '[[listener]]\nname = "default"\nzone = "{}"\n'
SINK = '[[sink]]\nname = "{0}"\nkind = "redis-stream"\nstream = "copy:{0}"\n'
OPERATOR = """
[[operator]]
name = "nokia"
reachability = "https://api.example.com/v0.8"
auth = {{ kind = "headers", headers_env = {{ x = "NOT_SET" }} }}
max_days = {}
"""
TYPES = 'types = ["sms.*"]\n'


def toml(number: int) -> str:
    """A file that differs each time in what web, normalise and forward workers go by."""
    text = LISTENERS.format(("UTC", "Asia/Manila")[number // 3 % 2]) + SINK.format("kept")
    text += TYPES if number % 2 else ""
    text += SINK.format("other") if number // 2 % 2 else ""
    return text + (f'[[listener]]\nname = "l{number}"\n' if number % 5 else "")


@pytest.fixture
def receiver(valkey: Valkey, tmp_path: Path) -> Iterator[Receiver]:
    (tmp_path / "receiver.toml").write_text(toml(0))
    running = Receiver(valkey, tmp_path, RECEIVER_WORKERS="2")
    try:
        yield at_work(running.start())
    finally:
        running.kill()


def at_work(receiver: Receiver) -> Receiver:
    """Once the supervisor has read its first file, which is then no broken one, and SIGHUP does not
    end it: on a busy machine the web process is ready before.
    """
    eventually(lambda: '"worker.starts"' in receiver.log.read_text())
    return receiver


class Load(threading.Thread):
    """Messages, one after the other on a connection of its own; every answer is counted."""

    def __init__(self, receiver: Receiver, path: str = "/att/sms/mo") -> None:
        super().__init__()
        self.acknowledged: list[str] = []
        self.others: Counter[int] = Counter()
        self.ended = threading.Event()
        self._url = receiver.url + path

    def run(self) -> None:
        with urllib3.PoolManager(retries=False, timeout=60) as pool:
            headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
            while not self.ended.is_set():
                answer = pool.request("POST", self._url, body=mo(), headers=headers)
                if answer.status == 204:
                    self.acknowledged.append(answer.headers["x-receipt-id"])
                else:
                    self.others[answer.status] += 1


def test_reloads_all_the_time_under_load_lose_nothing_and_repeat_nothing(
    receiver: Receiver, tmp_path: Path
) -> None:
    assert receiver.web
    assert receiver.worker
    load, file = [Load(receiver) for _ in range(3)], tmp_path / "receiver.toml"
    for each in load:
        each.start()
    numbers = itertools.count(1)

    processes = (receiver.web, receiver.worker)

    def often_enough() -> bool:
        number = next(numbers)
        put(file, toml(number))
        for process in processes:
            for _ in range(1 + 20 * (number % 10 == 0)):  # a storm now and then
                process.send_signal(signal.SIGHUP)
        threading.Event().wait(0.1)
        log = receiver.log.read_text()
        counts = [log.count(f'"{event}"') for event in ("config.taken", "worker.replaced")]
        acknowledged = sum(len(each.acknowledged) for each in load)
        return number > 40 and counts[0] > 20 and counts[1] > 2 and acknowledged > 50

    eventually(often_enough)
    for each in load:
        each.ended.set()
        each.join()
    acknowledged = [receipt for each in load for receipt in each.acknowledged]
    assert [each.others for each in load] == [Counter()] * 3
    receiver.settled()
    came = Counter(event["receiptid"] for event in receiver.events())
    assert came == Counter(acknowledged)

    def delivered() -> bool:
        return receiver.redis.xlen("copy:kept") >= len(acknowledged)

    eventually(delivered)
    entries: Any = receiver.redis.xrange("copy:kept")
    got = Counter(json.loads(fields[b"event"])["receiptid"] for _, fields in entries)
    assert got == Counter(acknowledged)
    assert [process.poll() for process in processes] == [None, None]


def test_what_waits_for_a_sink_that_is_taken_out_is_delivered_when_it_comes_back(
    receiver: Receiver, tmp_path: Path
) -> None:
    def takes(*sinks: str) -> None:
        assert receiver.worker
        text = "".join(map(SINK.format, sinks))
        put(tmp_path / "receiver.toml", LISTENERS.format("UTC") + text)
        receiver.worker.send_signal(signal.SIGHUP)  # others wait until it takes it by itself

    takes("kept", "other")
    eventually(lambda: forward_group("other").encode() in groups(receiver))
    receiver.acknowledged("/att/sms/mo", mo("before"))
    eventually(lambda: receiver.redis.xlen("copy:other") == 1)
    takes("kept")
    eventually(lambda: "slot:other" not in leases(receiver))
    receiver.acknowledged("/att/sms/mo", mo("meanwhile"))
    eventually(lambda: receiver.redis.xlen("copy:kept") == 2)
    assert receiver.redis.xlen("copy:other") == 1
    takes("kept", "other")
    eventually(lambda: receiver.redis.xlen("copy:other") == 2)


def test_a_broken_file_changes_nothing_also_for_a_worker_that_ends_meanwhile(
    receiver: Receiver, tmp_path: Path
) -> None:
    put(tmp_path / "receiver.toml", '[[sink]]\nname = "kept"\nkind = "redis-strem"\n')

    def warned() -> bool:
        return b"receiver.toml: line 3" in receiver.get("/readyz").data

    eventually(warned)
    eventually(lambda: receiver.get("/readyz").status == 200)
    eventually(lambda: receiver.log.read_text().count('"config.refused"') == 2)  # web and worker
    for process in receiver.worker_processes():
        os.kill(process, signal.SIGKILL)
    receiver.acknowledged("/att/sms/mo", mo())
    eventually(lambda: receiver.redis.xlen("copy:kept") == 1)
    put(tmp_path / "receiver.toml", toml(0))
    eventually(lambda: not warned())


def test_a_controller_comes_with_its_operator_and_is_replaced_with_its_settings(
    receiver: Receiver, tmp_path: Path
) -> None:
    assert receiver.worker
    for count in (1, 2):
        put(tmp_path / "receiver.toml", toml(0) + OPERATOR.format(count))
        receiver.worker.send_signal(signal.SIGHUP)
        eventually(partial(said, receiver, "operator.not_configured", count))
    put(tmp_path / "receiver.toml", toml(0))
    eventually(lambda: "slot:operator" not in leases(receiver))


def said(receiver: Receiver, event: str, times: int) -> bool:
    return receiver.log.read_text().count(event) == times


def groups(receiver: Receiver) -> list[bytes]:
    if not receiver.redis.exists("receiver:events"):  # the worker has only begun
        return []
    return [one["name"] for one in receiver.redis.xinfo_groups("receiver:events")]


def leases(receiver: Receiver) -> str:
    keys: Any = receiver.redis.keys("receiver:slot:*")
    return " ".join(key.decode() for key in keys)
