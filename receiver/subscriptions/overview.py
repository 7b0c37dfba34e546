"""What the commands show and ask, from Redis and `receiver.toml`; no operator is asked."""

import time
from typing import Any

import msgspec
import redis

from receiver.config.settings import Settings
from receiver.contract.redis_keys import (
    SUBSCRIPTION_SETS,
    SUBSCRIPTIONS,
    subscriptions_orders,
    subscriptions_state,
)
from receiver.contract.stored_values import number, text, texts
from receiver.subscriptions import desired, operator_state, set_state
from receiver.subscriptions.desired import Difference
from receiver.subscriptions.orders import Order, order_outcome
from receiver.subscriptions.set_state import SetState
from receiver.subscriptions.slots import Slot, parse_slot


def read_slots(client: redis.Redis) -> list[Slot]:
    """Read the slots of all operators; what somebody else wrote there is left out."""
    found = (
        parse_slot(text(name), raw) for name, raw in client.hscan_iter(SUBSCRIPTIONS, count=1000)
    )
    return [slot for slot in found if slot]


def read_sets(client: redis.Redis, found: list[Slot], settings: Settings) -> list[SetState]:
    """Return the state of each set that is declared or has slots, sorted by name."""
    stored: Any = client.hgetall(SUBSCRIPTION_SETS)
    fields = texts(stored)
    declared = {(one.name, one.operator) for one in settings.subscriptions}
    by_set: dict[tuple[str, str], list[Slot]] = {where: [] for where in declared}
    for slot in found:
        by_set.setdefault((slot.set, slot.operator), []).append(slot)
    counted = [set_state.count(*where, by_set[where]) for where in sorted(by_set)]
    operators = {one.name for one in settings.operators}
    troubles = {one.name: one.unattended for one in operator_state.read(client, operators)}
    for one in counted:
        one.trouble = troubles.get(one.operator, "")
        one.left = desired.why_left(declared, operators, one.name, one.operator)
    completed = [set_state.complete(one, fields) for one in counted]
    for one in completed:
        if one.operator not in operators:
            one.deletions = 0  # nobody can
    return completed


def plan(found: list[Slot], settings: Settings, now: float) -> list[Difference]:
    """Return what is to be done for each set, sorted by name. `now`: seconds since 1970."""
    by_set: dict[str, list[Slot]] = {}
    for slot in found:
        by_set.setdefault(slot.set, []).append(slot)
    declared = [desired.difference(one, by_set.get(one.name, [])) for one in settings.subscriptions]
    left = desired.undeclared(settings.subscriptions, found)
    operators = [one.name for one in settings.operators]
    alive = desired.left_alive(found, operators, now)
    # What has ended at an operator that is gone needs nobody any more.
    left = [each for each in left if each.left_at in operators or each.left_at in alive]
    return sorted([*declared, *left], key=lambda each: (each.name, each.left_at))


def enqueue_orders(client: redis.Redis, operator: str, *orders: Order) -> None:
    """Enqueue orders for the operator's controller, all of them or none."""
    client.rpush(subscriptions_orders(operator), *map(msgspec.json.encode, orders))


def count_open_orders(client: redis.Redis, operator: str) -> int:
    """Return how many orders of an operator have not been done yet."""
    found: Any = client.llen(subscriptions_orders(operator))
    return int(found)


def take_refusal(client: redis.Redis, operator: str, subscription: str) -> str:
    """Return, once, why the last order about a subscription of no slot was not done; empty where it
    was.
    """
    key, field = subscriptions_state(operator), order_outcome(subscription)
    pipe = client.pipeline(transaction=True)
    pipe.hget(key, field)
    pipe.hdel(key, field)
    said, _ = pipe.execute()
    return said.decode() if said else ""


def read_orphans(client: redis.Redis, operator: str) -> list[dict[str, str]]:
    """Read the subscriptions at our URL that are in no record here: `base`, `id` and `type`."""
    raw: Any = client.hget(subscriptions_state(operator), "orphans")
    return operator_state.orphans(text(raw or b""))


def read_search(client: redis.Redis, operator: str) -> float | None:
    """Read when a controller last searched for orphans (seconds since 1970, not in the future);
    None: never, as far as Redis knows.
    """
    raw: Any = client.hget(subscriptions_state(operator), "orphans_searched")
    return max(0.0, min(number(raw), time.time())) or None


def read_operator_state(client: redis.Redis, operator: str) -> dict[str, str]:
    """Read the fields that the operator's controller has stored."""
    found: Any = client.hgetall(subscriptions_state(operator))
    return texts(found)
