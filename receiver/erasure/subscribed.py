"""The subscriptions to a person's devices. They are not erased: as long as those are declared, each
would be there again a moment later.
"""

from collections.abc import Iterator
from typing import Final

import redis

from receiver.contract.redis_keys import SUBSCRIPTIONS
from receiver.erasure.person import Person
from receiver.erasure.stores import Found, in_hash

_SHOWN: Final = 5


def find(client: redis.Redis, person: Person) -> Iterator[Found]:
    """Yield their slots. Raises `redis.RedisError`."""
    yield from in_hash(client, ("subscription", SUBSCRIPTIONS), person.in_bytes, lambda _: None)


def left(client: redis.Redis, person: Person) -> Iterator[str]:
    """Yield a sentence where there are any, with what to do. Raises `redis.RedisError`."""
    names = [one.entry for one in find(client, person)]
    if not names:
        return
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    plural = "" if len(names) == 1 else "s"
    yield (
        f"{len(names)} subscription{plural} ({', '.join(names[:_SHOWN])}{more}) for this person's "
        "devices: take them out of receiver.toml or the file of devices; each goes once its "
        "operator has deleted it"
    )
