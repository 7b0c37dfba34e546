"""Dead letters of events that a sink did not take."""

import json
from typing import Any

import redis

from receiver.contract.records import DeadLetter, encode
from receiver.contract.redis_keys import DEAD_LETTERS
from receiver.operations import dead_letters
from receiver.operations.dead_letters import Selection

NUMBER = "+12125550123"


def undelivered(client: redis.Redis, *ids: str, sink: str = "billing") -> None:
    """Events that a sink did not take."""
    for number, name in enumerate(ids, 1):
        event = json.dumps(
            {"id": name, "type": "t", "source": "/att/sms/mo/promo", "subject": NUMBER}
        ).encode()
        letter = DeadLetter(1, "timed out after 72 hours", b"", sink, event, 9, f"{number}-0")
        client.xadd(DEAD_LETTERS, {"d": encode(letter)})


def letters(client: redis.Redis, **wanted: Any) -> list[str]:
    found = dead_letters.select(client, Selection(**wanted))
    return [one.summary.id for one in found]
