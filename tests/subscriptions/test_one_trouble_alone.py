"""What is wrong with one operator, one slot or one secret holds up nothing else."""

import json
import subprocess
import sys
from typing import Any

import msgspec
import pytest

from receiver.contract.redis_keys import (
    SUBSCRIPTION_ATTEMPTS,
    SUBSCRIPTION_CREDENTIALS,
    SUBSCRIPTION_IDS,
    SUBSCRIPTION_SETS,
    SUBSCRIPTIONS,
    subscriptions_due,
    subscriptions_last_events,
    subscriptions_lease,
    subscriptions_orders,
    subscriptions_state,
)
from receiver.subscriptions.slots import as_document
from tests.support.controlling import DEVICES, Controlled, event_of
from tests.support.dying_controller import PATIENCE
from tests.support.eventually import eventually
from tests.support.forked import Forked
from tests.support.subscriptions_command import command, foreign

OTHER = """
[[operator]]
name = "other"
reachability = "{url}/device-reachability-status-subscriptions/v0.8"
auth = {{ kind = "headers", headers_env = {{ x-rapidapi-key = "NAC_KEY" }} }}
[[subscription]]
name = "others"
operator = "other"
types = ["reachability-data"]
devices = ["+12065550109"]
[[sink]]
name = "billing"
kind = "redis-stream"
stream = "billing"
"""


def test_a_missing_secret_stops_its_own_operator_and_is_said_in_one_sentence(
    fleet: Controlled,
) -> None:
    fleet.more = OTHER.format(url=fleet.operator.url)
    fleet.configure()
    with (
        fleet.log.open("wb") as log,
        Forked(
            [sys.executable, "-P", "-m", "workers"],
            cwd=fleet.directory,
            env=fleet.environment(),
            stdin=subprocess.PIPE,
            stderr=log,
            process_group=0,
        ) as worker,
    ):
        try:
            fleet.settled()
            entry = fleet.redis.xadd("receiver:events", {"event": '{"id": "a", "type": "b"}'})
            assert entry
            eventually(lambda: fleet.redis.xlen("billing") == 1)
            eventually(lambda: said(fleet))
            assert fleet.redis.get(subscriptions_lease("other")) is None
            assert worker.poll() is None
        finally:
            worker.terminate()
            worker.communicate(timeout=60)
    assert said(fleet) == ["operator 'other': the environment variable NAC_KEY is not set"]
    assert not [line for line in logged(fleet) if line["event"] == "worker.ended"]


def logged(fleet: Controlled) -> list[dict[str, str]]:
    return [json.loads(line) for line in fleet.log.read_text().splitlines()]


def said(fleet: Controlled) -> list[str]:
    found = [line for line in logged(fleet) if line["event"] == "operator.not_configured"]
    return [line["said"] for line in found]


def test_a_creation_that_hangs_holds_up_its_own_slot_only(fleet: Controlled) -> None:
    fleet.operator.control("faults", operation="create", effect="slow", delay=300, times=1)
    fleet.secret[PATIENCE] = "300"
    process = fleet.start()
    eventually(lambda: fleet.states() == ["active", "active", "pending"])
    fleet.wants(*DEVICES, "+12065550109")
    eventually(lambda: fleet.states() == ["active", "active", "active", "pending"])
    [hangs] = [slot for slot in fleet.slots() if slot.state == "pending"]
    assert hangs.generation == 1
    process.kill()
    process.wait(60)
    fleet.redis.delete(subscriptions_lease("sim"))
    fleet.start()
    fleet.settled(*DEVICES, "+12065550109")


def test_a_new_public_url_renews_every_subscription_to_it(fleet: Controlled) -> None:
    process = fleet.start()
    fleet.settled()
    first = fleet.ids()
    process.terminate()
    assert process.wait(60) == 0
    old = fleet.sink.url.rpartition("/")[0]
    fleet.sink.url = fleet.sink.url.replace("127.0.0.1", "localhost")
    fleet.start()
    eventually(lambda: not first & fleet.ids())
    fleet.settled()
    assert not [each for each in fleet.live() if each["sink"].startswith(old)]
    assert fleet.redis.hget("receiver:subscriptions:sets", "fleet:gap_seconds") is None


@pytest.mark.parametrize("status", ["device-reachability-status/v1", "camara/device-status/v1"])
def test_one_that_lives_and_did_not_say_what_happened_is_renewed(
    fleet: Controlled, status: str
) -> None:
    fleet.status, fleet.more = status, "silent_hours = 0.0006"
    fleet.start()
    fleet.settled()
    [slot, *_] = fleet.slots()
    [attempt] = slot.attempts
    fleet.publish(event_of(attempt.id, attempt.subscription, reachable=False))
    deaf = ("receiver:subscriptions:sets", "fleet:deaf")
    eventually(lambda: fleet.redis.hget(*deaf))
    eventually(lambda: attempt.subscription not in fleet.ids())
    fleet.settled()


def test_a_credential_that_cannot_be_read_keeps_no_other_from_its_end(fleet: Controlled) -> None:
    record = {"label": "fleet", "listener": "default", "expires": 1, "attempt": "rs0old"}
    over, rubbish = "ab" * 32, ("cd" * 32, "no digest", "{}")
    fleet.redis.hset(SUBSCRIPTION_ATTEMPTS, "rs0old", '["sim", "fleet", "fleet:abc", 1]')
    fleet.redis.hset(SUBSCRIPTION_CREDENTIALS, over, json.dumps(record))
    for name in rubbish:
        fleet.redis.hset(SUBSCRIPTION_CREDENTIALS, name, name)
    fleet.start()
    fleet.settled()
    eventually(lambda: not fleet.redis.hexists(SUBSCRIPTION_CREDENTIALS, over))
    assert all(fleet.redis.hmget(SUBSCRIPTION_CREDENTIALS, rubbish))
    fleet.renewed()


def test_a_record_that_cannot_be_read_keeps_no_slot_from_its_steps(fleet: Controlled) -> None:
    last = subscriptions_last_events("sim")
    for key in (SUBSCRIPTIONS, SUBSCRIPTION_ATTEMPTS, last):
        fleet.redis.hset(key, "rubbish", "none")
    process = fleet.start()
    eventually(lambda: fleet.phones() == sorted(DEVICES))
    assert process.poll() is None
    fleet.redis.hdel(SUBSCRIPTIONS, "rubbish")
    fleet.settled()


def test_a_slot_whose_own_record_cannot_be_read_is_made_anew_and_stops_no_other(
    fleet: Controlled,
) -> None:
    """As somebody's editor or an early version wrote it, with the names of its fields."""
    process = fleet.start()
    fleet.settled()
    process.terminate()
    assert process.wait(60) == 0
    first = fleet.ids()
    one = fleet.slots()[0]
    fleet.redis.hset(SUBSCRIPTIONS, one.id, msgspec.json.encode(as_document(one)))
    fleet.redis.zadd(subscriptions_due("sim", 0), {one.id: 0})
    process = fleet.start()
    eventually(lambda: len(first - fleet.ids()) == 1)
    fleet.settled()
    assert process.poll() is None
    assert b"subscriptions.fault" not in fleet.log.read_bytes()


@pytest.mark.parametrize("record", [b"none", b"[1]", b'["a","b","c"]', b"\xff"])
def test_what_somebody_else_wrote_of_known_slots_ends_no_controller(
    fleet: Controlled, record: bytes
) -> None:
    process = fleet.start()
    fleet.settled()
    process.terminate()
    assert process.wait(60) == 0
    client: Any = fleet.redis
    last, slots = subscriptions_last_events("sim"), fleet.slots()
    for name in (b"\xff", *(slot.id for slot in slots)):
        client.hset(last, name, record)
    for key in (SUBSCRIPTION_ATTEMPTS, SUBSCRIPTION_IDS):
        client.hset(key, mapping={b"strange": record, b"\xff": record})
    client.hset(subscriptions_state("sim"), mapping={"seen": record, "quota_until": record})
    client.hset(SUBSCRIPTION_SETS, "fleet:stopped_until", record)
    client.zadd(subscriptions_due("sim", 0), {record: 1})
    client.rpush(subscriptions_orders("sim"), record)
    process = fleet.start()
    for name in ("strange", *(slot.attempts[0].id for slot in slots)):
        fleet.publish(event_of(name, "s", reachable=True))
    heard = {slot.id.encode() for slot in slots}
    eventually(lambda: process.poll() is not None or _heard(client.hgetall(last)) == heard)
    assert process.poll() is None
    eventually(lambda: not client.exists(subscriptions_orders("sim")))
    fleet.settled()


def _heard(stored: dict[bytes, bytes]) -> set[bytes]:
    """The slots whose last event is known."""
    return {name for name, value in stored.items() if value.endswith(b'"reachability","sms"]')}


def test_an_api_that_gives_no_list_keeps_no_orphans_of_another_unknown(fleet: Controlled) -> None:
    nowhere = "http://127.0.0.1:1/device-roaming-status-subscriptions/v0.8"
    fleet.of_operator = f'roaming = "{nowhere}"'
    name = foreign(fleet)
    assert name in command(fleet, "orphans").stdout
