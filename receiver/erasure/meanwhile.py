"""What moved while a run of `receiver erase` looked, to where it had looked already."""

from collections.abc import Iterator
from typing import Any

from receiver.contract.redis_keys import DEAD_LETTERS, INBOUND, LEDGER
from receiver.contract.stored_values import whole
from receiver.erasure.person import Person
from receiver.erasure.stores import find_in
from receiver.operations.look import newest_entry


class Meanwhile:
    """Tell what has moved since this was made. Every method may raise `redis.RedisError`."""

    def __init__(self, client: Any, person: Person) -> None:
        self._client = client
        self._person = person
        self._replayed = _replayed(client)
        self._newest = newest_entry(client, INBOUND)

    def left(self) -> Iterator[str]:
        """Yield a sentence where something has, which is not erased."""
        if (again := _replayed(self._client) - self._replayed) > 0:
            yield f"{again} dead letters were replayed meanwhile, and not looked at: run this again"
            return
        came = sum(1 for _ in find_in(self._client, self._person, self._newest))
        if came:
            yield (
                f"{came} notifications about this person came in meanwhile (new ones, or rejected "
                "requests that were replayed), and are not erased: run this again"
            )


def _replayed(client: Any) -> int:
    """Return how many dead letters were ever replayed: they go back to where was looked already.
    Raises `redis.RedisError`.
    """
    if not client.exists(DEAD_LETTERS):
        return 0
    pipe = client.pipeline()
    pipe.xinfo_stream(DEAD_LETTERS)
    pipe.hmget(LEDGER, "dead_dropped", "dead_trimmed")
    stream, counted = pipe.execute()
    return int(stream["entries-added"] - stream["length"] - sum(map(whole, counted)))
