"""A key of ours that somebody made something else of: nothing is lost by it, and nothing twice."""

import asyncio
from typing import Any

import pytest
from redis.exceptions import ResponseError

from receiver.config.settings import Settings
from receiver.contract.records import Notification, encode
from receiver.contract.redis_keys import (
    ATTEMPTS,
    DEAD_LETTERS,
    EVENTS,
    GROUP,
    INBOUND,
    LEDGER,
    REJECTED,
    SINKS,
    retry_items,
)
from receiver.intake.group_commit import Intake
from receiver.intake.inbound_writer import Inbound, script
from receiver.intake.redis_link import RedisLink
from receiver.intake.waiting_requests import Unavailable
from tests.support.consumer import Consumer, Handler, Request
from tests.support.forwarding import Forwarding, event, http_sink, publish
from tests.support.running import mo
from tests.support.valkey import Valkey
from workers.normalise.job import Normaliser


@pytest.mark.parametrize("key", [INBOUND, REJECTED, LEDGER])
def test_intake_keeps_nothing_and_so_nothing_twice(valkey: Valkey, key: str) -> None:
    client: Any = valkey.client()
    client.set(key, "somebody else's")

    async def send() -> None:
        intake = Intake(Inbound(RedisLink(valkey.url, script()), lambda: None, lambda *_: None))
        intake.start()
        with pytest.raises(Unavailable):
            await intake.keep([b"one"], [b"bad"])
        client.delete(key)
        await intake.keep([b"one"], [b"bad"])
        await intake.close()

    asyncio.run(send())
    assert (client.xlen(INBOUND), client.xlen(REJECTED)) == (1, 1)
    assert client.hmget(LEDGER, "accepted", "rejected") == [b"1", b"1"]


@pytest.mark.parametrize("key", [EVENTS, DEAD_LETTERS, LEDGER, ATTEMPTS])
def test_a_normalise_worker_leaves_open_what_it_has(valkey: Valkey, key: str) -> None:
    client: Any = valkey.client()
    for body in (mo("good"), b"nothing"):
        one = Notification("att.sms.mo", "default", body.hex()[-8:], 1, "application/json", body)
        client.xadd(INBOUND, {"n": encode(one)})
    client.set(key, "somebody else's")
    normaliser = Normaliser(client, "me", Settings(), lambda: False)
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        normaliser.run()
    client.delete(key)
    normaliser.run()
    assert (client.xlen(EVENTS), client.xlen(DEAD_LETTERS)) == (1, 1)
    assert client.xpending(INBOUND, GROUP)["pending"] == 0


def only_the_first_refused(request: Request, _handler: Handler) -> int:
    return 400 if int(request.headers["webhook-id"], 16) == 1 else 204


@pytest.mark.parametrize("key", [DEAD_LETTERS, SINKS, retry_items("hook")])
def test_a_sink_keeps_what_was_refused(valkey: Valkey, consumer: Consumer, key: str) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer))
    publish(valkey, event(1))

    def meanwhile(_request: Request, _handler: Handler) -> int:
        valkey.client().delete(key)
        valkey.client().set(key, "somebody else's")
        return 400

    consumer.behaviour = meanwhile
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        forwarding.run()
    valkey.client().delete(key)
    consumer.behaviour = only_the_first_refused
    publish(valkey, event(2))
    for _ in range(3):
        forwarding.later(61)
    assert len(forwarding.dead()) == 1
    assert forwarding.pending() == 0
