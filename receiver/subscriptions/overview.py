"""What the commands show and ask, from Redis and `receiver.toml`; no operator is asked."""

import time
from collections import Counter
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
from receiver.subscriptions import desired
from receiver.subscriptions.desired import Difference
from receiver.subscriptions.orders import Order
from receiver.subscriptions.slots import Slot, decode


class SetState(msgspec.Struct, kw_only=True):
    """One set and the state of its slots."""

    name: str
    operator: str
    wanted: int = 0
    active: int = 0
    """Wanted slots with a living subscription, also those that are being renewed."""
    states: dict[str, int] = {}
    refusals: dict[str, int] = {}
    """Status and code of the last failure -> how many slots have it."""
    next_end: float | None = None
    """When the first living subscription ends unless it is renewed; seconds since 1970."""
    unknown_oldest_seconds: float = 0
    gap_seconds: float = 0
    ended: int = 0
    deaf: int = 0
    stopped: str = ""
    """Why nothing is created for a while."""
    devices: str = ""
    """Why its devices cannot be loaded."""
    deletions: int = 0
    """Waiting for `apply --yes`."""


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
    return [_state(name, operators[name], own, fields) for name, own in by_set.items()]


def _state(name: str, operator: str, own: list[Slot], fields: dict[str, str]) -> SetState:
    wanted = [slot for slot in own if slot.wanted]
    ends = [each.ends for slot in wanted for each in slot.living if each.ends]
    unknown = [each.created for slot in own for each in slot.attempts if each.state == "unknown"]
    return SetState(
        name=name,
        operator=operator,
        wanted=len(wanted),
        active=sum(bool(slot.living) for slot in wanted),
        states=dict(Counter(slot.state for slot in wanted)),
        refusals=dict(Counter(slot.error for slot in wanted if slot.error)),
        next_end=min(ends, default=None),
        unknown_oldest_seconds=max(0.0, time.time() - min(unknown)) if unknown else 0.0,
        gap_seconds=float(fields.get(f"{name}:gap_seconds", 0)),
        ended=int(fields.get(f"{name}:ended", 0)),
        deaf=int(fields.get(f"{name}:deaf", 0)),
        stopped=fields.get(f"{name}:stopped", ""),
        devices=fields.get(f"{name}:devices", ""),
        deletions=int(fields.get(f"{name}:deletions", 0)),
    )


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
