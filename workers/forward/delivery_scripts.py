"""The two scripts of a sink's delivery queue, each run by itself or both in one round trip."""

from typing import Any

import redis
from redis.exceptions import NoScriptError

from receiver.contract.redis_keys import (
    DEAD_LETTERS,
    EVENTS,
    INBOUND,
    MARKS,
    SINKS,
    forward_bell,
    refused_at,
    retry_due,
    retry_items,
    sink_parking,
    sink_state,
)
from receiver.runtime import scripts


class DeliveryScripts:
    """Run `lease.lua` and `settle.lua` for one sink; the scripts say what their arguments are."""

    def __init__(self, client: redis.Redis, sink: str) -> None:
        self._client = client
        self._lease = _script(client, "lease")
        self._settle = _script(client, "settle")
        self._settle_loaded = False
        """Whether the server has had the script of settlements."""
        due, items, state = retry_due(sink), retry_items(sink), sink_state(sink)
        bell, parking, refused = forward_bell(sink), sink_parking(sink), refused_at(sink)
        self._lease_keys = (EVENTS, due, items, state, bell, MARKS, parking, INBOUND)
        self._settle_keys = (EVENTS, due, items, DEAD_LETTERS, SINKS, state, MARKS, refused)

    def lease(self, args: list[Any]) -> Any:
        """Run `lease.lua` and return its reply. Raises `redis.RedisError`."""
        try:
            keys: Any = self._lease_keys
            return self._client.evalsha(self._lease.sha, len(keys), *keys, *args)
        except NoScriptError:
            # The other script first: a server that has this one must not lack that one, or it would
            # lease before a settlement in the same round trip.
            self._client.script_load(self._settle.script)
            return self._lease(keys=self._lease_keys, args=args)

    def settle(self, args: list[Any]) -> Any:
        """Run `settle.lua` and return its reply. Raises `redis.RedisError`."""
        settled = self._settle(keys=self._settle_keys, args=args)
        self._settle_loaded = True
        return settled

    def settle_and_lease(self, settle: list[Any], lease: list[Any]) -> tuple[Any, Any]:
        """Return the replies to a settlement and to a lease after it: one round trip and one fsync.
        The lease's is None where it was refused, or not sent because the server may not have the
        script of settlements yet. Raises `redis.RedisError`.
        """
        if not self._settle_loaded:
            return self.settle(settle), None
        pipe: Any = self._client.pipeline(transaction=False)
        pipe.evalsha(self._settle.sha, len(self._settle_keys), *self._settle_keys, *settle)
        pipe.evalsha(self._lease.sha, len(self._lease_keys), *self._lease_keys, *lease)
        settled, leased = pipe.execute(raise_on_error=False)
        if isinstance(settled, NoScriptError):
            settled = self.settle(settle)
        if isinstance(settled, Exception):
            raise settled
        return settled, None if isinstance(leased, Exception) else leased


def _script(client: redis.Redis, name: str) -> Any:
    return client.register_script(scripts.load(__package__, name))
