"""The state of each operator as its controller last wrote it, read without going over the slots."""

from collections.abc import Iterable
from typing import Any

import msgspec
import redis

from receiver.contract.redis_keys import SUBSCRIPTION_SETS, subscriptions_lease, subscriptions_state
from receiver.contract.stored_values import UNREADABLE, number, texts, whole
from receiver.subscriptions import set_state
from receiver.subscriptions.set_state import SetState

_REQUESTS = "requests:"
_SHARED_FOR = 6 * 3600.0
"""Seconds; orphans are searched for once an hour."""


class OperatorState(msgspec.Struct, frozen=True, kw_only=True):
    """One operator. Times are seconds since 1970; 0 or empty where nothing was written."""

    name: str
    controlled: bool = False
    """Whether a controller holds the lease."""
    seen: float = 0
    """When a controller last completed a round."""
    circuit_open: float = 0
    """Since when nothing is sent because requests failed."""
    quota_until: float = 0
    trouble: str = ""
    """Why the controller cannot work, or is not accepted."""
    orphans: int = 0
    """Subscriptions at our URL that are in no record here."""
    succeeded: float = 0
    """When the operator last answered with a 2xx."""
    seconds_ahead: float = 0
    """How far its clock is ahead of the controller's."""
    requests: dict[str, int] = {}
    """Status, `not-sent` or `unanswered` -> requests."""
    public_url: str = ""
    """The URL of ours that its controller gives to the operator."""
    shared: float = 0
    """When another receiver was last seen to subscribe for the same devices and our URL."""
    sets: list[SetState] = []

    @property
    def is_shared(self) -> bool:
        """Return whether another receiver replaces subscriptions of ours, as of the last hours."""
        return bool(self.shared) and self.seen - self.shared < _SHARED_FOR

    @property
    def unattended(self) -> str:
        """Return why its subscriptions are not seen to; empty where they are."""
        missing = "" if self.controlled else "no controller runs: receiver worker"
        shared = "another receiver with this public_url replaces them" if self.is_shared else ""
        return "; ".join(filter(None, (missing, self.trouble, shared)))


def read(client: redis.Redis, names: Iterable[str]) -> list[OperatorState]:
    """Return the states of these operators, in one round trip. Raises `redis.RedisError`."""
    operators = list(names)
    if not operators:
        return []
    pipe = client.pipeline(transaction=False)
    enqueue(pipe, operators)
    return parse(operators, pipe.execute())


def enqueue(pipe: Any, operators: list[str]) -> None:
    """Enqueue the commands that read these operators' states."""
    pipe.hgetall(SUBSCRIPTION_SETS)
    for name in operators:
        pipe.hgetall(subscriptions_state(name))
        pipe.exists(subscriptions_lease(name))


def parse(operators: list[str], replies: list[Any]) -> list[OperatorState]:
    """Return the states of these operators from the replies to `enqueue`'s commands."""
    about, *rest = replies
    noted = texts(about)
    return [
        _state(name, texts(fields), bool(lease), noted)
        for name, fields, lease in zip(operators, rest[::2], rest[1::2], strict=True)
    ]


def orphans(stored: str) -> list[dict[str, str]]:
    """Return the subscriptions at our URL that are in no record here: `base`, `id` and `type`."""
    return _list_of(stored, dict[str, str])


def _state(
    name: str, fields: dict[str, str], controlled: bool, noted: dict[str, str]
) -> OperatorState:
    def seconds(field: str) -> float:
        return number(fields.get(field))

    sets = _list_of(fields.get("sets", ""), SetState)
    return OperatorState(
        name=name,
        controlled=controlled,
        seen=seconds("seen"),
        circuit_open=seconds("circuit_open"),
        quota_until=seconds("quota_until"),
        trouble=fields.get("trouble", ""),
        orphans=len(orphans(fields.get("orphans", ""))),
        succeeded=seconds("succeeded"),
        seconds_ahead=seconds("seconds_ahead"),
        requests={
            field.removeprefix(_REQUESTS): whole(value)
            for field, value in fields.items()
            if field.startswith(_REQUESTS)
        },
        public_url=fields.get("public_url", ""),
        shared=seconds("shared"),
        sets=[set_state.complete(each, noted) for each in sets],
    )


def _list_of(text: str, kind: Any) -> list[Any]:
    """Return a list that was stored as JSON; empty where none was, or somebody else wrote there."""
    try:
        found: list[Any] = msgspec.json.decode(text or "[]", type=list[kind])
    except (*UNREADABLE, UnicodeEncodeError):
        return []
    return found
