"""How much of what is stored a client asks for at once."""

from typing import Any

import redis

from tests.support.valkey import Valkey


class Measured(redis.Redis):
    """A client that remembers its largest reply, in bytes of what was stored."""

    largest = 0

    def execute_command(self, *args: Any, **options: Any) -> Any:
        reply = super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        self.largest = max(self.largest, _bytes(reply))
        return reply


def measured(valkey: Valkey) -> Measured:
    """A client of this server."""
    return Measured(connection_pool=valkey.client().connection_pool)


def _bytes(reply: Any) -> int:
    if isinstance(reply, dict):
        return sum(_bytes(key) + _bytes(value) for key, value in reply.items())
    if isinstance(reply, list | tuple):
        return sum(map(_bytes, reply))
    return len(reply) if isinstance(reply, bytes) else 0
