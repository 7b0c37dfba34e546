"""What the commands show and ask, from Redis and `receiver.toml`; no operator is asked."""

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
from receiver.subscriptions import desired, set_state
from receiver.subscriptions.desired import Difference
from receiver.subscriptions.orders import Order
from receiver.subscriptions.set_state import SetState
from receiver.subscriptions.slots import Slot, decode


def read_slots(client: redis.Redis) -> list[Slot]:
    """Read the slots of all operators."""
    return [decode(raw) for _, raw in client.hscan_iter(SUBSCRIPTIONS, count=1000)]


def read_sets(client: redis.Redis, found: list[Slot], settings: Settings) -> list[SetState]:
    """Return the state of each set that is declared or has slots, sorted by name."""
    stored: Any = client.hgetall(SUBSCRIPTION_SETS)
    fields = {name.decode(): value.decode("utf-8", "replace") for name, value in stored.items()}
    operators = {slot.set: slot.operator for slot in found}
    operators |= {one.name: one.operator for one in settings.subscriptions}
    by_set: dict[str, list[Slot]] = {name: [] for name in sorted(operators)}
    for slot in found:
        by_set[slot.set].append(slot)
    counted = [set_state.count(name, operators[name], own) for name, own in by_set.items()]
    return [set_state.complete(one, fields) for one in counted]


def plan(found: list[Slot], settings: Settings) -> list[Difference]:
    """Return what is to be done for each set, sorted by name."""
    by_set: dict[str, list[Slot]] = {}
    for slot in found:
        by_set.setdefault(slot.set, []).append(slot)
    declared = [desired.difference(one, by_set.get(one.name, [])) for one in settings.subscriptions]
    names = [one.name for one in settings.subscriptions]
    return sorted([*declared, *desired.undeclared(names, found)], key=lambda each: each.name)


def enqueue_order(client: redis.Redis, operator: str, order: Order) -> None:
    """Enqueue an order for the operator's controller."""
    client.rpush(subscriptions_orders(operator), msgspec.json.encode(order))


def count_open_orders(client: redis.Redis, operator: str) -> int:
    """Return how many orders of an operator have not been done yet."""
    found: Any = client.llen(subscriptions_orders(operator))
    return int(found)


def read_orphans(client: redis.Redis, operator: str) -> list[dict[str, str]]:
    """Read the subscriptions at our URL that nobody here made, each as `base`, `id` and `type`."""
    raw: Any = client.hget(subscriptions_state(operator), "orphans")
    return msgspec.json.decode(raw, type=list[dict[str, str]]) if raw else []


def read_operator_state(client: redis.Redis, operator: str) -> dict[str, str]:
    """Read the fields that the operator's controller has stored."""
    found: Any = client.hgetall(subscriptions_state(operator))
    return {name.decode(): value.decode("utf-8", "replace") for name, value in found.items()}
