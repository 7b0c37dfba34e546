"""Delivery statuses that are asked for: each comes out once, and every watch ends in the books."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from receiver.contract.records import Notification, decode_refusal, encode
from receiver.contract.redis_keys import INBOUND, LEDGER, REJECTED, WATCH
from receiver.operations import ledger, watch_ledger
from tests.support.outboxes import (
    DELIVERED,
    FAILED,
    GONE,
    SENT,
    TO_A,
    TO_B,
    A,
    B,
    Outbox,
    Reply,
    Watched,
    error,
    statuses,
)
from tests.support.valkey import Valkey


def test_each_new_status_is_an_event_and_the_watch_ends_with_the_last(watched: Watched) -> None:
    watched.gateway.script["SMS1"] = [
        statuses((A, SENT), (B, SENT)),
        statuses((A, SENT), (B, SENT)),
        statuses((A, DELIVERED), (B, SENT)),
        statuses((A, DELIVERED), (B, FAILED)),
        GONE,
    ]
    watched.ask_for("SMS1")
    for looks in (1, 2, 3):
        watched.later()
        watched.poll(lambda: watched.looks() == looks)  # noqa: B023 - at once
    watched.later()
    watched.poll(watched.ended)
    assert watched.said() == [
        (TO_A, "sent", False, None),
        (TO_B, "sent", False, None),
        (TO_A, "delivered", True, None),
        (TO_B, "failed", True, None),
    ]
    assert watched.counts() == {"watched": 1, "final": 1, "same": 1}
    assert watched.gateway.asked == ["/sms/v3/messaging/outbox/SMS1"] * 4
    assert ledger.read(watched.redis).accepted == 3
    assert {event["source"] for event in watched.events()} == {"/att/sms/outbox/promo"}


def test_nobody_is_asked_within_20_seconds(watched: Watched) -> None:
    watched.gateway.script["SMS1"] = [statuses((A, DELIVERED))]
    watched.ask_for("SMS0", ago=25)
    watched.ask_for("SMS1", ago=1)
    watched.poll(lambda: watched.counts().get("gone"))
    assert [one.id for one in watched.watches()] == ["SMS1"]
    assert watched.gateway.asked == ["/sms/v3/messaging/outbox/SMS0"]
    assert watched.redis.xlen(WATCH) == 0


def test_a_message_that_the_gateway_does_not_know_any_more_is_unknown_once(
    watched: Watched,
) -> None:
    watched.gateway.script["SMS1"] = [statuses((A, DELIVERED), (B, SENT)), GONE]
    watched.ask_for("SMS1")
    watched.poll(lambda: watched.looks() == 1)
    watched.later()
    watched.poll(watched.ended)
    assert watched.said()[2:] == [(TO_B, "unknown", True, "gone")]
    raw = watched.events()[2]["data"]["raw"]
    assert raw["RequestError"]["ServiceException"]["MessageId"] == "SVC0002"
    assert watched.counts() == {"watched": 1, "gone": 1}
    (books,) = watch_ledger.read(watched.redis)
    assert books.balanced


def test_after_73_hours_the_last_answer_is_followed_by_unknown(watched: Watched) -> None:
    watched.gateway.script["SMS1"] = [statuses((A, SENT))]
    watched.ask_for("SMS1")
    watched.poll(lambda: watched.looks() == 1)
    watched.is_older(hours=73)
    watched.later()
    watched.poll(watched.ended)
    assert watched.said() == [(TO_A, "sent", False, None), (TO_A, "unknown", True, "expired")]
    assert watched.counts() == {"watched": 1, "same": 1, "expired": 1}


def test_where_nobody_answers_for_74_hours_it_is_not_asked_for_any_more(watched: Watched) -> None:
    watched.ask_for("SMS1", ago=1)
    watched.poll(lambda: watched.counts().get("watched"))
    watched.is_older(hours=74.1)
    watched.later()
    watched.poll(watched.ended)
    assert watched.gateway.asked == []
    assert watched.said() == [(None, "unknown", True, "expired")]


def test_a_status_that_is_pushed_too_comes_out_once(watched: Watched) -> None:
    body = (
        b'{"deliveryInfoNotification": {"messageId": "SMS1", "deliveryInfo":'
        b' {"address": "tel:+12065550100", "deliveryStatus": "DeliveredToTerminal"}}}'
    )
    pushed = Notification("att.sms.delivery-status", "promo", "f" * 27, 1, "", body)
    watched.redis.xadd(INBOUND, {"n": encode(pushed)})
    watched.redis.hincrby(LEDGER, "accepted", 1)
    watched.gateway.script["SMS1"] = [statuses((A, SENT)), statuses((A, DELIVERED))]
    watched.ask_for("SMS1")
    watched.poll(lambda: watched.looks() == 1)
    watched.later()
    watched.poll(watched.ended)
    said = [(event["data"]["status"], event["data"]["late"]) for event in watched.events()]
    assert said == [("delivered", False), ("sent", True)]
    assert ledger.read(watched.redis).duplicate == 1


def test_of_a_cut_answer_what_is_whole_comes_out_and_it_is_asked_for_again(
    watched: Watched,
) -> None:
    whole = statuses((A, DELIVERED), (B, SENT))
    cut = whole.body.index(b"msg1") + 10
    watched.gateway.script["SMS1"] = [whole._replace(cut=cut), statuses((B, DELIVERED))]
    watched.ask_for("SMS1")
    watched.poll(watched.ended)
    assert watched.said() == [(TO_A, "delivered", True, None), (TO_B, "delivered", True, None)]
    assert watched.redis.xlen(REJECTED) == 1
    assert watched.counts() == {"watched": 1, "final": 1}


def test_a_final_status_that_was_cut_off_whole_is_unknown(watched: Watched) -> None:
    watched.gateway.script["SMS1"] = [statuses((A, DELIVERED), cut=5), GONE]
    watched.ask_for("SMS1")
    watched.poll(watched.ended)
    assert watched.said() == [(None, "unknown", True, "gone")]


@pytest.mark.parametrize(
    "reply",
    [
        *(error(500, "SVC0001"), error(400, "SVC0001"), error(403, "POL0001")),
        *(error(403, "POL0002"), Reply(404, b"<html>"), Reply(200, b"<html>")),
    ],
)
def test_an_error_that_does_not_name_the_id_ends_no_watch(watched: Watched, reply: Reply) -> None:
    watched.gateway.script["SMS1"] = [reply]
    watched.ask_for("SMS1")
    watched.poll(lambda: watched.gateway.asked)
    watched.gateway.script["SMS1"] = [statuses((A, DELIVERED))]
    watched.later()
    watched.poll(watched.ended)
    assert watched.said() == [(TO_A, "delivered", True, None)]


def test_a_wrong_token_is_renewed_once_and_the_status_is_asked_for_again(
    watched: Watched,
) -> None:
    watched.gateway.script["SMS1"] = [error(401, "POL0001"), statuses((A, DELIVERED))]
    watched.ask_for("SMS1")
    watched.poll(watched.ended)
    assert watched.gateway.tokens == 2
    assert len(watched.gateway.asked) == 2


def test_one_answer_that_does_not_come_holds_up_no_other(watched: Watched) -> None:
    others_are_done = threading.Event()
    watched.gateway.script["SLOW"] = [statuses((A, DELIVERED), once=others_are_done)]
    watched.gateway.script["SMS"] = [statuses((A, DELIVERED))]
    watched.ask_for("SLOW", *(f"SMS{n}" for n in range(30)))
    watched.poll(lambda: watched.counts().get("final") == 30, after=others_are_done.set)
    # It is stopped in good order: the slow answer still counts.
    assert watched.counts()["final"] == 31


def test_what_cannot_be_watched_is_kept_with_the_reason(watched: Watched) -> None:
    watched.ask_for("0x181bce3883beadf85443215d6fL", "SMS1")
    watched.redis.xadd(WATCH, {"id": "SMS2", "poll": "nobody"})
    watched.redis.xadd(WATCH, {"poll": "promo"})
    watched.poll(lambda: watched.redis.xlen(WATCH) == 0)
    found: Any = watched.redis.xrange(REJECTED)
    reasons = [decode_refusal(fields[b"r"]).reason for _, fields in found]
    assert ["pushed only" in reasons[0], "no such poll" in reasons[1]] == [True, True]
    assert "message id" in reasons[2]
    assert watched.counts()["watched"] == 1


def test_a_poll_asks_no_faster_than_its_rate_and_stops_at_once(
    valkey: Valkey, gateway: Outbox, tmp_path: Path
) -> None:
    watched = Watched(valkey, gateway, tmp_path, rate=1)
    watched.ask_for(*(f"SMS{n}" for n in range(8)))
    began = time.monotonic()
    watched.poll(lambda: len(gateway.asked) >= 3)
    took = time.monotonic() - began
    assert took > 2
    assert len(gateway.asked) <= 1 + took
