"""Promises 1 and 2: what was acknowledged comes out, once, whatever is killed."""

import json
import signal
import socket
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import urllib3

from receiver.contract.records import decode_notification
from receiver.contract.redis_keys import EVENTS
from tests.support.dying_worker import POINTS
from tests.support.eventually import eventually
from tests.support.running import Receiver, mo
from workers import bell

OURS = f"{socket.gethostname()}-0"
"""The consumer name that the next supervisor here takes too, and so what was left under it."""


def texts(receiver: Receiver) -> Counter[str]:
    return Counter(event["data"]["text"] for event in receiver.events())


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_at_any_point_of_the_job_costs_nothing(
    receiver: Receiver, point: str
) -> None:
    receiver.start_web()
    sent = [f"text {number}" for number in range(20)]
    for text in sent:
        receiver.acknowledged("/att/sms/mo", mo(text))
    dying = receiver.spawn([sys.executable, "-P", "-m", "tests.support.dying_worker", point, OURS])
    assert dying.wait(60) == -signal.SIGKILL
    receiver.start_worker()
    assert receiver.settled().published == len(sent)
    assert texts(receiver) == Counter(sent)


def test_what_a_dead_worker_of_another_host_held_is_done_within_30_seconds(
    receiver: Receiver,
) -> None:
    begun = time.monotonic()
    receiver.start_web()
    one_start = time.monotonic() - begun
    sent = [f"text {number}" for number in range(20)]
    for text in sent:
        receiver.acknowledged("/att/sms/mo", mo(text))
    dying = [sys.executable, "-P", "-m", "tests.support.dying_worker", POINTS[0], "another-host-0"]
    assert receiver.spawn(dying).wait(60) == -signal.SIGKILL
    receiver.start_worker()
    # 18 s at most until it counts as dead and the sweep rings; the rest is for three processes'
    # start and a little work, and that is a matter of the machine.
    receiver.settled(within=40 + 20 * one_start)
    assert texts(receiver) == Counter(sent)


def test_every_204_of_a_web_process_that_is_killed_comes_out_once(receiver: Receiver) -> None:
    receiver.start()
    acknowledged: list[str] = []

    def send_until_it_is_gone(sender: int) -> None:
        for number in range(10_000):
            text = f"{sender}/{number}"
            try:
                answer = receiver.post("/att/sms/mo", mo(text))
            except urllib3.exceptions.HTTPError:
                return
            if answer.status == 503:  # Redis was not in time: on a busy machine that is right
                continue
            assert answer.status == 204
            acknowledged.append(text)

    with ThreadPoolExecutor(16) as pool:
        done = [pool.submit(send_until_it_is_gone, sender) for sender in range(16)]
        eventually(lambda: len(acknowledged) > 500)
        assert receiver.web is not None
        receiver.web.kill()
        for one in done:
            one.result()
    receiver.settled()
    out = texts(receiver)
    assert set(acknowledged) <= set(out)
    assert set(out.values()) == {1}


def test_the_same_notification_sent_fifty_times_at_once_comes_out_once(receiver: Receiver) -> None:
    receiver.start()
    body = mo("only once", "tel:+12065550101")
    together = threading.Barrier(50)

    def send(_: int) -> int:
        together.wait()
        return receiver.post("/att/sms/mo", body).status

    with ThreadPoolExecutor(50) as pool:
        assert set(pool.map(send, range(50))) == {204}
    books = receiver.settled()
    assert (books.published, books.duplicate) == (1, 49)
    assert len(receiver.events()) == 1


def test_three_reachability_events_that_share_id_and_source_come_out_as_three(
    receiver: Receiver,
) -> None:
    receiver.start()
    kinds = ("data", "sms", "disconnected")
    for kind in (*kinds, *kinds):
        event = {
            "id": "77",
            "source": "https://events.operator.example",
            "type": "org.camaraproject.device-reachability-status-subscriptions.v0."
            f"reachability-{kind}",
            "specversion": "1.0",
            "time": "2026-01-19T13:18:23.682Z",
            "data": {"subscriptionId": "s-1", "device": {"phoneNumber": "+12065550100"}},
        }
        receiver.acknowledged("/camara/notifications", json.dumps(event).encode())
    books = receiver.settled()
    assert (books.published, books.duplicate) == (3, 3)
    connectivity = [event["data"]["connectivity"] for event in receiver.events()]
    assert connectivity == [["DATA"], ["SMS"], []]


def test_what_cannot_be_normalised_is_a_dead_letter_and_holds_nobody_back(
    receiver: Receiver,
) -> None:
    receiver.redis.xadd("receiver:inbound", {"n": b"nobody wrote this"})
    receiver.redis.hincrby("receiver:ledger", "accepted", 1)
    receiver.start()
    receiver.acknowledged("/att/sms/mo", mo("behind it"))
    books = receiver.settled()
    assert (books.published, books.dead) == (1, 1)
    (letter,) = receiver.dead_letters()
    assert letter.notification == b"nobody wrote this"
    assert letter.reason


def test_an_entry_that_kills_its_worker_is_a_dead_letter_after_three_lonely_attempts(
    receiver: Receiver,
) -> None:
    receiver.start_web()
    for text in ("good 1", "kills the worker", "good 2"):
        receiver.acknowledged("/att/sms/mo", mo(text))
    ends = []
    while receiver.books().open:
        bell.ring(receiver.redis)
        fatal = [sys.executable, "-P", "-m", "tests.support.fatal_worker", "kills the worker", OURS]
        ends.append(receiver.spawn(fatal).wait(60))
    # Once in the batch, which counts for nobody, and three times alone.
    assert ends[:4] == [-signal.SIGKILL] * 4
    assert set(texts(receiver)) == {"good 1", "good 2"}
    (letter,) = receiver.dead_letters()
    assert b"kills the worker" in decode_notification(letter.notification).body
    assert "3 times" in letter.reason


def statuses(count: int) -> bytes:
    infos = [
        {"address": f"tel:+1{2_060_000_000 + number}", "deliveryStatus": "DeliveredToTerminal"}
        for number in range(count)
    ]
    body = {"deliveryInfoNotification": {"messageId": "0xA1L", "deliveryInfo": infos}}
    return json.dumps(body).encode()


def test_one_body_may_hold_thousands_of_statuses(receiver: Receiver) -> None:
    receiver.start()
    for _ in range(2):
        receiver.acknowledged("/att/sms/delivery-status", statuses(3000))
    books = receiver.settled()
    assert (books.published, books.duplicate, books.events, books.rejected) == (1, 1, 3000, 0)
    found = receiver.events()
    assert len({event["id"] for event in found}) == 3000
    assert [(event["item"], event["items"]) for event in found] == [
        (number, 3000) for number in range(1, 3001)
    ]


def test_an_event_of_a_list_takes_the_room_of_its_own_item(receiver: Receiver) -> None:
    receiver.start()
    body = statuses(330)
    receiver.acknowledged("/att/sms/delivery-status", body)
    receiver.settled()
    taken: Any = receiver.redis.memory_usage(EVENTS, samples=0)
    assert taken / 330 <= 1.3 * len(body) / 330 + 1_000
