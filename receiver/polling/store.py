"""One poll's lease, state and counts in Redis. Times are by Redis' clock."""

import contextlib
import secrets
import time
from collections.abc import Mapping
from typing import Any, Final

import redis.asyncio

from receiver.contract.redis_keys import poll_counted, poll_lease, poll_state
from receiver.contract.stored_values import texts
from receiver.intake.inbound_writer import number_key
from receiver.polling.rounds import Outcome
from receiver.runtime import scripts
from receiver.runtime.redis_errors import DOWN_ON_THE_LOOP

_ACQUIRE: Final = scripts.load("receiver.subscriptions", "acquire_lease")
_RECORD: Final = scripts.load(__package__, "record")
_RELEASE: Final = scripts.load("receiver.runtime", "release_lease")
_LATE: Final = 3600
"""Seconds within which every copy of a command that was sent has come in."""


async def end_receipt(client: Any, receipt: str) -> None:
    """Note that nothing is appended under a receipt any more, but by a late copy of what was sent.
    There is one for each page: remembered for as long as a web process's flusher is (`append.lua`)
    they would fill Redis. Raises nothing.
    """
    with contextlib.suppress(*DOWN_ON_THE_LOOP):
        await client.expire(number_key(receipt), _LATE)


class Store:
    """One poll's. Every method may raise one of `DOWN_ON_THE_LOOP`, but for `now`."""

    def __init__(self, client: "redis.asyncio.Redis", name: str, lease: float) -> None:
        """`lease`: seconds that it is ours without being renewed."""
        self._client: Any = client
        self._name = name
        self._lease = lease
        self._owner = secrets.token_hex(8)
        self._ahead = 0.0

    def now(self) -> float:
        """Return seconds since 1970, as of the last look at the clock."""
        return time.monotonic() + self._ahead

    async def acquire_lease(self) -> bool:
        """Take the lease, or renew it. Returns whether we have it."""
        began = time.monotonic()
        keys = [poll_lease(self._name)]
        got, seconds = await self._eval(_ACQUIRE, keys, self._owner, int(self._lease * 1000))
        if abs(int(seconds) - self.now()) > 2:  # whole seconds are enough, and jump less
            self._ahead = int(seconds) - began
        return bool(got)

    async def release_lease(self) -> None:
        """Let somebody else have the lease at once."""
        await self._eval(_RELEASE, [poll_lease(self._name)], self._owner)

    async def state(self) -> dict[str, str]:
        """Return the poll's state, as `receiver.contract.redis_keys.poll_state` says."""
        return texts(await self._client.hgetall(poll_state(self._name)))

    async def note(self, **fields: object) -> None:
        """Write fields of the state; an empty text removes one."""
        await self._record("", fields, {})

    async def count(
        self, receipt: str, outcome: Outcome, messages: int = 0, **fields: object
    ) -> None:
        """Count how a request ended, once for each receipt, and write fields of the state."""
        counts = {f"polls:{outcome}": 1, "messages": messages}
        await self._record(receipt, fields, {name: n for name, n in counts.items() if n})

    async def end_receipt(self, receipt: str) -> None:
        """Note that nothing is appended under a receipt any more (`end_receipt`)."""
        await end_receipt(self._client, receipt)

    async def _record(
        self, receipt: str, fields: Mapping[str, object], counts: Mapping[str, int]
    ) -> None:
        words = [str(word) for each in (fields, counts) for pair in each.items() for word in pair]
        keys = [poll_state(self._name), poll_counted(self._name)]
        await self._eval(_RECORD, keys, receipt, len(fields), *words)

    async def _eval(self, script: str, keys: list[str], *arguments: Any) -> Any:
        return await self._client.eval(script, len(keys), *keys, *arguments)
