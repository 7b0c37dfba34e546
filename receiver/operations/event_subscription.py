"""The subscriptions that events came from: set, slot and generation of each."""

from collections.abc import Iterable
from typing import Any

import msgspec
import redis

from receiver.contract import attempt_record
from receiver.contract.redis_keys import SUBSCRIPTION_ATTEMPTS


class _Said(msgspec.Struct):
    subscriptionset: str = ""
    subscriptionattempt: str = ""
    generation: int = 0


_said = msgspec.json.Decoder(_Said).decode


def subscriptions(client: redis.Redis, events: Iterable[bytes]) -> list[dict[str, Any]]:
    """Return of each event what is known of the declared subscription that it came with; nothing
    for an event that came with another credential.

    The slot is known as long as the credential is stored: at most two days after the subscription's
    end.
    """
    said = [_said(event) for event in events]
    names = sorted({one.subscriptionattempt for one in said} - {""})
    stored: Any = client.hmget(SUBSCRIPTION_ATTEMPTS, names) if names else ()
    known = dict(zip(names, stored, strict=True))
    return [
        _known(one, known[one.subscriptionattempt]) if one.subscriptionattempt else {}
        for one in said
    ]


def _known(said: _Said, stored: bytes | None) -> dict[str, Any]:
    found = attempt_record.read(stored)
    slot = found.slot if found else "(no longer stored)"
    return {"set": said.subscriptionset, "slot": slot, "generation": said.generation}
