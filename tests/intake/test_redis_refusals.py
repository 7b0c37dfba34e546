"""Redis answers, but not what is wanted: 503 and not ready, never a 204 or a 4xx, then on again."""

import json
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from receiver.contract.redis_keys import BOOK, INBOUND, LEDGER, REJECTED
from tests.support.brisk_web import BRISK
from tests.support.commands import run
from tests.support.eventually import eventually
from tests.support.running import Receiver, mo


@pytest.fixture
def receiver(receiver: Receiver) -> Receiver:
    """One that looks often at its Redis."""
    receiver.web_command = BRISK
    return receiver


def post(receiver: Receiver, text: str) -> int:
    # Always one sender: like a carrier's, a second attempt at what was kept after all is a repeat.
    answer = receiver.post("/att/sms/mo", mo(text, "tel:+12065550100"))
    assert (answer.headers.get("retry-after") is not None) == (answer.status == 503)
    return answer.status


def said(receiver: Receiver) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(receiver.get("/readyz").data)
    return found


def refusing(receiver: Receiver, reason: str) -> None:
    """Assert that it answers 503 and keeps nothing, and that `/readyz` gives the reason."""
    eventually(lambda: reason in said(receiver).get("reason", ""))
    assert receiver.get("/readyz").status == 503
    before = receiver.redis.hget(LEDGER, "accepted")  # the stream's length: a sweep may trim it
    assert {post(receiver, f"refused {number}") for number in range(3)} == {503}
    assert receiver.redis.hget(LEDGER, "accepted") == before


def recovers(receiver: Receiver, *texts: str) -> None:
    """Ready again, and everything that was ever acknowledged comes out once."""
    eventually(lambda: receiver.get("/readyz").status == 200)
    eventually(lambda: post(receiver, "after") == 204)
    eventually(lambda: "after" in {event["data"]["text"] for event in receiver.events()})
    receiver.settled()
    found = Counter(event["data"]["text"] for event in receiver.events())
    assert set(found.values()) == {1}
    assert set(texts) <= set(found)


def test_a_redis_out_of_memory_is_503_until_it_has_room(receiver: Receiver) -> None:
    receiver.start()
    assert post(receiver, "before") == 204
    receiver.settled()
    receiver.redis.config_set("maxmemory", 1)
    refusing(receiver, "OutOfMemory")
    receiver.redis.config_set("maxmemory", "256mb")
    recovers(receiver)  # "before" may have gone: the oldest history makes room


@pytest.mark.parametrize("stream", [REJECTED, "copies"])
def test_workers_that_start_on_a_full_redis_make_room(
    receiver: Receiver, tmp_path: Path, stream: str
) -> None:
    sink = '[[sink]]\nname = "copy"\nkind = "redis-stream"\nstream = "copies"\nmax_age_hours = 9\n'
    (tmp_path / "receiver.toml").write_text(sink)
    for _ in range(40):
        receiver.redis.xadd(stream, {"r": b"x" * 500_000})
    receiver.redis.config_set("maxmemory", receiver.redis.info("memory")["used_memory"] * 3 // 4)
    receiver.start()
    recovers(receiver)


def test_intake_closes_before_redis_is_full(receiver: Receiver) -> None:
    receiver.start_web()
    used = receiver.redis.info("memory")["used_memory"]
    receiver.redis.config_set("maxmemory", int(used / 0.9))
    refusing(receiver, "% full")
    receiver.redis.set("still", "writable")
    receiver.redis.config_set("maxmemory", "256mb")
    eventually(lambda: post(receiver, "after") == 204)


def test_intake_closes_at_the_share_of_memory_that_was_set(receiver: Receiver) -> None:
    receiver.also(RECEIVER_FULL_PERCENT="65")
    receiver.start_web()
    used = receiver.redis.info("memory")["used_memory"]
    receiver.redis.config_set("maxmemory", int(used / 0.78))
    refusing(receiver, "% full")
    receiver.redis.config_set("maxmemory", int(used / 0.5))
    eventually(lambda: post(receiver, "after") == 204)


def test_a_master_that_became_a_replica_is_503_until_it_is_one_again(receiver: Receiver) -> None:
    receiver.start()
    assert post(receiver, "before") == 204
    receiver.settled()
    receiver.redis.replicaof("127.0.0.1", 1)
    refusing(receiver, "ReadOnly")
    receiver.redis.replicaof("NO", "ONE")
    recovers(receiver, "before")


def test_a_disk_that_fails_under_redis_is_503_until_it_is_mended(receiver: Receiver) -> None:
    receiver.start()
    assert post(receiver, "before") == 204
    receiver.settled()
    client = receiver.redis
    blocked = receiver.valkey.directory / "dump.rdb"
    blocked.unlink(missing_ok=True)
    blocked.mkdir()  # the snapshot cannot be renamed to this
    client.config_set("save", "3600 1000000")
    with pytest.raises(redis.ResponseError):
        client.save()
    client.bgsave()
    eventually(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err")
    refusing(receiver, "MISCONF")
    blocked.rmdir()
    client.config_set("save", "")
    client.bgsave()
    eventually(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "ok")
    recovers(receiver, "before")


def test_a_password_that_was_changed_is_503_and_nothing_is_stored(receiver: Receiver) -> None:
    receiver.start()
    assert post(receiver, "before") == 204
    receiver.settled()
    admin = receiver.valkey.client()
    admin.ping()
    receiver.redis.config_set("requirepass", "made-up")
    for other in admin.client_list():
        if other["id"] != str(admin.client_id()):
            admin.client_kill_filter(_id=other["id"])
    eventually(lambda: receiver.get("/readyz").status == 503)
    assert {post(receiver, f"refused {number}") for number in range(2)} == {503}
    assert admin.xlen(INBOUND) == 1
    admin.config_set("requirepass", "")
    recovers(receiver, "before")


def test_an_aof_rewrite_under_load_refuses_and_loses_nothing(receiver: Receiver) -> None:
    receiver.start()
    sent = [str(number) for number in range(60)]
    for number, text in enumerate(sent):
        if number % 20 == 0:
            eventually(lambda: not receiver.redis.info("persistence")["aof_rewrite_in_progress"])
            receiver.redis.bgrewriteaof()
        assert post(receiver, text) == 204
    recovers(receiver, *sent)


def looks_again(receiver: Receiver) -> None:
    """Return when the web process has looked at its Redis once more, from beginning to end."""
    client: Any = receiver.redis
    with client.monitor() as seen:
        looks = (one for one in seen.listen() if BOOK in one["command"])
        next(looks)  # this one may have begun before
        next(looks)


def test_a_redis_that_comes_back_empty_is_served_again_and_the_loss_is_said(
    receiver: Receiver, tmp_path: Path
) -> None:
    receiver.start()
    for number in range(5):
        assert post(receiver, f"lost {number}") == 204
    receiver.settled()
    looks_again(receiver)  # what it does not know of it cannot miss
    receiver.redis.flushall()
    receiver.redis.script_flush()
    for number in range(10):  # soon there are more than there were: the count alone tells nothing
        assert post(receiver, f"kept {number}") == 204
    eventually(lambda: any("without 5 or more" in line for line in said(receiver)["warnings"]))
    eventually(lambda: receiver.get("/readyz").status == 200)
    eventually(lambda: len(receiver.events()) == 10)
    assert receiver.settled().lost == 5
    answer = run(tmp_path, "ledger", REDIS_URL=receiver.valkey.url)
    assert answer.returncode == 1
    assert json.loads(answer.stdout)["lost"] == 5
    assert answer.stderr.startswith("receiver: Redis came back without 5 or more notifications")


@contextmanager
def cutter(path: Path) -> Iterator[tuple[str, threading.Event]]:
    """A line to a server that, while the event is set, breaks off in the middle of what is sent."""
    at, cutting = path.with_name("cut"), threading.Event()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(at))
        listening.listen()
        threading.Thread(target=_accept, args=(listening, path, cutting), daemon=True).start()
        yield f"unix://{at}", cutting
    at.unlink()


def _accept(listening: socket.socket, path: Path, cutting: threading.Event) -> None:
    while True:
        try:
            near, _ = listening.accept()
        except OSError:
            return
        far = socket.socket(socket.AF_UNIX)
        far.connect(str(path))
        for pair in ((near, far, cutting), (far, near, None)):
            threading.Thread(target=_pass_on, args=pair, daemon=True).start()


def _pass_on(come: socket.socket, go: socket.socket, cutting: threading.Event | None) -> None:
    with come, go:
        try:
            while data := come.recv(65536):
                if cutting and cutting.is_set() and b"EVALSHA" in data:
                    go.sendall(data[: len(data) // 2])
                    break
                go.sendall(data)
        except OSError:
            pass
        for end in (come, go):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


def test_a_line_that_breaks_in_the_middle_of_a_write_is_503_and_stores_nothing(
    receiver: Receiver,
) -> None:
    with cutter(receiver.valkey.socket) as (url, cutting):
        receiver.also(REDIS_URL=url)
        receiver.start()
        assert post(receiver, "before") == 204
        cutting.set()
        assert {post(receiver, f"refused {number}") for number in range(2)} == {503}
        cutting.clear()
        recovers(receiver, "before")
        receiver.kill()
