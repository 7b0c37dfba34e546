"""What names a person and is not erased, since it would be there again a moment later: slots of
subscriptions to their devices, as long as those are declared, and watched messages to them.
"""

from collections.abc import Iterator
from typing import Final

import redis

from receiver.contract.redis_keys import SUBSCRIPTIONS, WATCHES
from receiver.erasure.person import Person
from receiver.erasure.stores import Found, Kind, in_hash

_PLACES: Final[tuple[tuple[Kind, str], ...]] = (("subscription", SUBSCRIPTIONS), ("watch", WATCHES))
_SHOWN: Final = 5


def find(client: redis.Redis, person: Person) -> Iterator[Found]:
    """Yield all of it. Raises `redis.RedisError`."""
    for kind, key in _PLACES:
        yield from in_hash(client, (kind, key), person.in_bytes, lambda _: None)


def left(client: redis.Redis, person: Person) -> Iterator[str]:
    """Yield a sentence for each kind of which there is any, with what to do. Raises
    `redis.RedisError`.
    """
    found = list(find(client, person))
    if slots := [one.entry for one in found if one.kind == "subscription"]:
        yield (
            f"{_some(slots, 'subscription')} for this person's devices: take them out of "
            "receiver.toml or the file of devices; each goes once its operator has deleted it"
        )
    if watched := [one.entry.partition(" ")[2] for one in found if one.kind == "watch"]:
        yield (
            f"{_some(watched, 'watched message')} to this person: run this again once they have "
            "ended, in 73 hours at the latest, or end them with `receiver watch drop`"
        )


def _some(names: list[str], what: str) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    plural = "" if len(names) == 1 else "s"
    return f"{len(names)} {what}{plural} ({', '.join(names[:_SHOWN])}{more})"
