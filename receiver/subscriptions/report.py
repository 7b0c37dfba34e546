"""Writes what metrics and `receiver doctor` say of one operator, so that no scrape reads slots."""

from typing import Any, Final

import msgspec

from receiver.contract.redis_keys import subscriptions_state
from receiver.subscriptions import desired, set_state
from receiver.subscriptions.context import Context
from receiver.subscriptions.set_state import SetState

_LONGEST: Final = 60.0
"""Seconds between two counts of the slots although nothing has changed."""


class Report:
    """One controller's: its requests and circuit each time, its sets when a slot has changed."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._commits = -1
        self._counted = 0.0

    async def write(self) -> None:
        """Write what is new. Raises one of `DOWN_ON_THE_LOOP`."""
        await self._write_traffic()
        store = self._context.store
        if store.commits == self._commits and store.now() - self._counted < _LONGEST:
            return
        commits = store.commits
        states = {name: self._empty(name) for name in self._context.sets}
        async for slot in store.slots():
            if slot.set not in states:
                states[slot.set] = self._empty(slot.set)
            set_state.add(states[slot.set], slot)
        await store.write_state("sets", msgspec.json.encode(list(states.values())).decode())
        self._commits, self._counted = commits, store.now()

    def _empty(self, name: str) -> SetState:
        operator = self._context.operator.name
        declared = {(one, operator) for one in self._context.sets}
        left = desired.why_left(declared, {operator}, name, operator)
        return SetState(name=name, operator=operator, left=left)

    async def _write_traffic(self) -> None:
        store, client = self._context.store, self._context.api.client
        traffic = client.traffic
        taken = dict(traffic.requests)
        fields: dict[Any, Any] = dict(self._context.urls)
        if traffic.succeeded:
            fields["succeeded"] = int(traffic.succeeded)
        if traffic.seconds_ahead is not None:
            fields["seconds_ahead"] = int(traffic.seconds_ahead)
        key = subscriptions_state(store.operator)
        pipe = store.client.pipeline(transaction=True)
        pipe.hset(key, mapping=fields)
        if traffic.unauthorised:
            pipe.hset(key, "trouble", traffic.unauthorised)
        else:
            pipe.hdel(key, "trouble")
        if client.circuit.open:
            pipe.hsetnx(key, "circuit_open", int(store.now()))
        else:
            pipe.hdel(key, "circuit_open")
        await pipe.execute()
        for status, number in taken.items():
            pipe.hincrby(key, f"requests:{status}", number)
        await pipe.execute(raise_on_error=False)  # one field that is no number stops no other
        for status, number in taken.items():
            traffic.requests[status] -= number
            if not traffic.requests[status]:
                del traffic.requests[status]
