"""Slots: leased consumer names. They outlive a process, and no two supervisors share one."""

import secrets
import socket
from typing import Final, NamedTuple

import redis

from receiver.runtime import scripts
from workers.processes.work import Work

LEASE_MILLISECONDS: Final = 15_000
"""A slot of a dead supervisor is free after this long."""
_RELEASE: Final = scripts.load("receiver.runtime", "release_lease")


class Slot(NamedTuple):
    """Hold one consumer name and the work that is done under it."""

    work: Work
    name: str

    @property
    def key(self) -> str:
        """Return the key of its lease."""
        return self.work.lease(self.name)


class Slots:
    """Lease the names `<hostname>-<number>` for one supervisor, numbered for each work apart."""

    def __init__(self, client: redis.Redis) -> None:
        self._owner = secrets.token_hex(8)
        self._host = socket.gethostname()
        self._renew = client.register_script(scripts.load(__package__, "renew_lease"))
        self._client = client
        self._held: set[Slot] = set()

    def lease(self, work: Work) -> Slot:
        """Lease the first free name for this work. Raises `redis.RedisError`."""
        number = 0
        while not self._hold(slot := Slot(work, f"{self._host}-{number}")):
            number += 1
        return slot

    def renew(self) -> set[Slot]:
        """Renew every lease. Returns those that another supervisor has got meanwhile."""
        lost = {slot for slot in self._held if not self._renewed(slot)}
        self._held -= lost
        return lost

    def drop(self, slot: Slot) -> None:
        """End the lease of one name. Raises `redis.RedisError`; then it runs out by itself."""
        self._held.discard(slot)
        self._client.eval(_RELEASE, 1, slot.key, self._owner)

    def release(self) -> None:
        """End all leases in one write, which a frozen server still applies when it goes on."""
        pipe = self._client.pipeline(transaction=False)
        for slot in self._held:
            pipe.eval(_RELEASE, 1, slot.key, self._owner)
        self._held.clear()
        pipe.execute()

    def _hold(self, slot: Slot) -> bool:
        if slot in self._held or not self._renewed(slot):
            return False
        self._held.add(slot)
        return True

    def _renewed(self, slot: Slot) -> bool:
        return bool(self._renew(keys=[slot.key], args=[self._owner, LEASE_MILLISECONDS]))
