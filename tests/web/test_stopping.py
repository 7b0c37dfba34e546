"""SIGTERM: what is in flight is finished or refused, in time; nothing acknowledged is lost."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import urllib3

from receiver.contract.records import Notification, encode
from receiver.contract.redis_keys import EVENTS, INBOUND, LEDGER
from tests.support import bare
from tests.support.eventually import eventually
from tests.support.running import TOKEN, Receiver, mo
from tests.support.web_processes import LISTENS, holds, processes

WITHIN = 10.0
"""Seconds for a web process to end, whatever Redis does."""
MACHINE = 50.0
"""What a busy machine adds."""
PROCESSES = pytest.mark.parametrize("count", ["1", pytest.param("2", marks=pytest.mark.soak)])


def web(receiver: Receiver, count: str = "1") -> "subprocess.Popen[bytes]":
    receiver.also(WEB_CONCURRENCY=count)
    receiver.start_web()
    assert receiver.web
    return receiver.web


def ended(process: "subprocess.Popen[bytes]", within: float = WITHIN + MACHINE) -> bool:
    """Whether it ends in time, and by its own will or the signal's."""
    return process.wait(within) in (0, -signal.SIGTERM)


def post(receiver: Receiver, text: str) -> int:
    """The status; 0 when nobody answers any more."""
    try:
        return receiver.post("/att/sms/mo", mo(text)).status
    except urllib3.exceptions.HTTPError:
        return 0


def half_a_request(receiver: Receiver) -> Generator[bytes, None, None]:
    """Sends all of a request but its end, and returns when it is inside; then the answer.

    Another one goes ahead in the same segment: who has answered that has begun with this.
    """
    ahead = bare.request("/healthz", method="GET")
    whole = bare.request(
        f"/att/sms/mo?access_token={TOKEN}", mo(), ("content-type", "application/json")
    )
    with bare.connect(receiver.port) as line:
        line.sendall(ahead + whole[:-5])
        assert bare.status(bare.read_answer(line)) == 200
        yield b""
        yield bare.read_answer(line)


@PROCESSES
def test_every_204_given_while_stopping_under_load_comes_out(
    receiver: Receiver, count: str
) -> None:
    process = web(receiver, count)
    acknowledged: list[str] = []
    answers: list[int] = []

    def send_on(sender: int) -> None:
        number = 0
        while not answers or answers[-1]:
            text = f"{sender}/{number}"
            answers.append(post(receiver, text))
            if answers[-1] == 204:
                acknowledged.append(text)
            number += 1

    with ThreadPoolExecutor(8) as pool:
        for sender in range(8):
            pool.submit(send_on, sender)
        eventually(lambda: len(acknowledged) > 200)
        process.terminate()
        assert ended(process)
    assert set(answers) <= {204, 503, 0}
    receiver.start_worker()
    receiver.settled()
    texts = [event["data"]["text"] for event in receiver.events()]
    assert len(texts) == len(set(texts))
    assert set(acknowledged) <= set(texts)


@PROCESSES
@pytest.mark.parametrize("spool", [False, True])
def test_it_ends_in_time_with_redis_frozen_and_answers_who_is_inside(
    receiver: Receiver, count: str, spool: bool
) -> None:
    if spool:
        receiver.also(RECEIVER_SPOOL_DIR="spool")
    process = web(receiver, count)
    receiver.valkey.pause()
    with ThreadPoolExecutor(8) as pool:
        inside = [pool.submit(post, receiver, f"inside {number}") for number in range(8)]
        eventually(lambda: all(one.running() or one.done() for one in inside))
        half = half_a_request(receiver)
        next(half)
        process.terminate()
        assert bare.status(next(half)) == 503
        assert ended(process)
    # 0: its connection had not been taken yet when it stopped listening.
    assert {one.result() for one in inside} <= ({204, 0} if spool else {503, 0})


@PROCESSES
def test_the_second_signal_ends_it_at_once_and_loses_nothing(
    receiver: Receiver, count: str
) -> None:
    process = web(receiver, count)
    serving = processes(receiver) or {process.pid}
    sent = [str(number) for number in range(20)]
    assert {post(receiver, text) for text in sent} == {204}
    half = half_a_request(receiver)
    next(half)
    process.terminate()
    eventually(lambda: not any(holds(pid, receiver.port, LISTENS) for pid in serving))
    process.terminate()
    assert ended(process)
    # Who is inside would be told 503 by a process that had waited for him.
    with contextlib.suppress(ConnectionError):
        assert next(half) == b""
    receiver.start_worker()
    receiver.settled()
    assert set(sent) <= {event["data"]["text"] for event in receiver.events()}


def test_workers_stop_with_their_batch_done_or_given_back(receiver: Receiver) -> None:
    waiting = 8_000
    with receiver.redis.pipeline(transaction=True) as pipe:
        for number in range(waiting):
            body = mo(str(number))
            entry = Notification("att.sms.mo", "default", str(number), 0, "application/json", body)
            pipe.xadd(INBOUND, {"n": encode(entry)})
        pipe.hset(LEDGER, "accepted", waiting)
        pipe.execute()
    done = 0
    for _ in range(3):
        receiver.start_worker()
        assert receiver.worker
        begun = done
        eventually(lambda begun=begun: receiver.redis.xlen(EVENTS) > begun)  # type: ignore[misc]
        receiver.worker.terminate()
        assert receiver.worker.wait(60) == 0
        done = receiver.redis.xlen(EVENTS)
        if done == waiting:
            break
    receiver.start_worker()
    receiver.settled()
    texts = [event["data"]["text"] for event in receiver.events()]
    assert sorted(texts) == sorted(map(str, range(waiting)))


@pytest.mark.parametrize("open_work", [False, True])
def test_workers_stop_in_time_while_redis_is_frozen_and_the_next_ones_go_on(
    receiver: Receiver, tmp_path: Path, open_work: bool
) -> None:
    sink = '[[sink]]\nname = "copy"\nkind = "redis-stream"\nstream = "copy"\n'
    (tmp_path / "receiver.toml").write_text(sink)
    receiver.start()
    sent = ["before"]
    assert post(receiver, sent[0]) == 204
    receiver.settled()
    assert receiver.worker
    if open_work:
        sent += map(str, range(20))
        assert {post(receiver, text) for text in sent[1:]} == {204}
    receiver.valkey.pause()
    receiver.worker.terminate()
    assert receiver.worker.wait(WITHIN + MACHINE) == 0
    assert "worker.killed" not in receiver.log.read_text()
    receiver.valkey.resume()
    receiver.start_worker()
    receiver.settled()
    eventually(lambda: receiver.redis.xlen("copy") == len(sent))
    assert sorted(event["data"]["text"] for event in receiver.events()) == sorted(sent)


def test_the_second_signal_ends_the_supervisor_and_its_workers_follow(receiver: Receiver) -> None:
    receiver.start()
    assert post(receiver, "one") == 204
    receiver.settled()
    assert receiver.worker
    workers = receiver.worker_processes()
    assert workers
    receiver.valkey.pause()
    receiver.worker.terminate()
    eventually(lambda: receiver.worker and not _answers(receiver.worker.pid, signal.SIGTERM))
    assert receiver.worker.wait(60) == -signal.SIGTERM  # and not 0, as one that has waited
    eventually(lambda: not any(map(_lives, workers)))


def _answers(pid: int, number: int) -> bool:
    """Send the signal; whether the process is still there afterwards."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
    return _lives(pid)


def _lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
