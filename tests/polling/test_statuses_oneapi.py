"""Delivery statuses under OneAPI and GSMA paths, which name the sender."""

from pathlib import Path
from typing import Any

import pytest

from receiver.contract.records import decode_refusal
from receiver.contract.redis_keys import REJECTED
from tests.support.outboxes import DELIVERED, TO_A, A, Outbox, Reply, Watched, statuses
from tests.support.valkey import Valkey


def test_where_the_path_names_a_sender_one_is_wanted(
    valkey: Valkey, gateway: Outbox, tmp_path: Path
) -> None:
    watched = Watched(valkey, gateway, tmp_path, 'signature = "oneapi"\n')
    watched.ask_for("abc")
    watched.poll(lambda: watched.redis.xlen(REJECTED))
    found: Any = watched.redis.xrange(REJECTED)
    assert "names the sender" in decode_refusal(found[0][1][b"r"]).reason
    assert gateway.asked == []


ONEAPI = 'signature = "oneapi"\nsender = "22627000"\n'
GSMA = 'path = "/1/smsmessaging/outbound/{sender}/requests/{id}/deliveryInfos"\n'


@pytest.mark.parametrize(
    ("more", "path"),
    [
        (ONEAPI, "/3/smsmessaging/outbound/requests/22627000/a%2Fb/deliveryInfos"),
        (ONEAPI + GSMA, "/1/smsmessaging/outbound/22627000/requests/a%2Fb/deliveryInfos"),
    ],
    ids=["oneapi", "gsma"],
)
def test_oneapi_is_asked_in_its_own_order_or_gsmas(
    valkey: Valkey, gateway: Outbox, tmp_path: Path, more: str, path: str
) -> None:
    watched = Watched(valkey, gateway, tmp_path, more)
    body = (
        b'{"deliveryInfoList": {"deliveryInfo": {"address": "tel:+12065550100",'
        b' "deliveryStatus": "DeliveredToTerminal"}}}'
    )
    gateway.script["a%2Fb"] = [Reply(200, body)]
    watched.ask_for("a/b")
    watched.poll(watched.ended)
    assert gateway.asked == [path]
    (event,) = watched.events()
    assert (event["data"]["messageId"], event["data"]["to"]) == ("a/b", TO_A)


def test_a_sender_of_its_own_stands_in_the_path(
    valkey: Valkey, gateway: Outbox, tmp_path: Path
) -> None:
    watched = Watched(valkey, gateway, tmp_path, ONEAPI)
    gateway.script["abc"] = [statuses((A, DELIVERED))]
    watched.ask_for("abc", sender="tel:+5598765")
    watched.poll(watched.ended)
    assert gateway.asked == ["/3/smsmessaging/outbound/requests/tel%3A%2B5598765/abc/deliveryInfos"]
