"""The subscription that an event came from: its set, slot and generation."""

from typing import Any

import msgspec
import redis

from receiver.contract.redis_keys import SUBSCRIPTION_ATTEMPTS


class _Said(msgspec.Struct):
    subscriptionset: str = ""
    subscriptionattempt: str = ""
    generation: int = 0


_said = msgspec.json.Decoder(_Said).decode


def subscription(client: redis.Redis, event: bytes) -> dict[str, Any]:
    """Return what is known of the declared subscription that an event came with; nothing for an
    event that came with another credential.

    The slot is known as long as the credential is stored: at most two days after the subscription's
    end.
    """
    said = _said(event)
    if not said.subscriptionattempt:
        return {}
    stored: Any = client.hget(SUBSCRIPTION_ATTEMPTS, said.subscriptionattempt)
    slot = msgspec.json.decode(stored)[2] if stored else "(no longer stored)"
    return {"set": said.subscriptionset, "slot": slot, "generation": said.generation}
