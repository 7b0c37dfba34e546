"""A list of statuses makes many times its own size in events: a worker publishes it in parts."""

import json
from typing import Any

import pytest

from receiver.config.settings import Settings
from receiver.contract.records import Notification, encode
from receiver.contract.redis_keys import EVENTS, GROUP, INBOUND
from tests.support.valkey import Valkey
from workers.normalise import job
from workers.normalise.job import Normaliser

LISTS, STATUSES = 30, 10


def accept(client: Any) -> list[str]:
    """So many lists; the addresses in them, in order."""
    addresses = [f"+1206555{number:04}" for number in range(LISTS * STATUSES)]
    for start in range(0, len(addresses), STATUSES):
        infos = [
            {"address": f"tel:{address}", "deliveryStatus": "DeliveredToTerminal"}
            for address in addresses[start : start + STATUSES]
        ]
        said = {"deliveryInfoNotification": {"messageId": f"m{start}", "deliveryInfo": infos}}
        one = Notification(
            "att.sms.delivery-status",
            "default",
            f"{start:027}",
            1,
            "application/json",
            json.dumps(said).encode(),
        )
        client.xadd(INBOUND, {"n": encode(one)})
    return addresses


def published(client: Any) -> list[str]:
    return [json.loads(fields[b"event"])["data"]["to"] for _, fields in client.xrange(EVENTS)]


def runs(client: Any) -> int:
    found: int = client.info("commandstats")["cmdstat_evalsha"]["calls"]
    return found


def test_what_would_make_too_much_at_once_is_published_in_parts_and_in_order(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    client: Any = valkey.client()
    addresses = accept(client)
    monkeypatch.setattr(job, "MADE_BYTES", 50_000)  # a list here makes some 10,000
    Normaliser(client, "me", Settings(), lambda: False).run()
    assert published(client) == addresses
    assert client.xpending(INBOUND, GROUP)["pending"] == 0
    assert runs(client) >= 4


def test_a_worker_that_is_told_to_stop_leaves_the_other_parts_and_the_next_one_goes_on(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    client: Any = valkey.client()
    addresses = accept(client)
    monkeypatch.setattr(job, "MADE_BYTES", 50_000)
    asked = iter([False])  # before the first batch; then it is to stop
    Normaliser(client, "me", Settings(), lambda: next(asked, True)).run()
    done = published(client)
    assert 0 < len(done) < len(addresses)
    assert client.xpending(INBOUND, GROUP)["pending"] > 0
    Normaliser(client, "me", Settings(), lambda: False).run()
    assert published(client) == addresses
    assert client.xpending(INBOUND, GROUP)["pending"] == 0
