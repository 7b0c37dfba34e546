"""Slots: consumer names that outlive a process and that two supervisors never share."""

import secrets
import socket
from typing import Final

import redis

LEASE_MILLISECONDS: Final = 15_000
"""A dead supervisor's slot is free after this long."""
_RENEW: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
    return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) and 1 or 0
"""
_RELEASE: Final = """
return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1]) or 0
"""


class Slots:
    """The leases of one supervisor on `<hostname>-<number>`."""

    def __init__(self, client: redis.Redis) -> None:
        self._owner = secrets.token_hex(8)
        self._host = socket.gethostname()
        self._renew = client.register_script(_RENEW)
        self._release = client.register_script(_RELEASE)
        self._held: set[str] = set()

    def take(self) -> str:
        """The first free name, leased. Raises `redis.RedisError`."""
        number = 0
        while not self._hold(name := f"{self._host}-{number}"):
            number += 1
        return name

    def renew(self) -> set[str]:
        """Renew every lease; returns the names that somebody else has taken meanwhile."""
        lost = {name for name in self._held if not self._renewed(name)}
        self._held -= lost
        return lost

    def release(self) -> None:
        """Give everything back."""
        for name in self._held:
            self._release(keys=[_key(name)], args=[self._owner])
        self._held.clear()

    def _hold(self, name: str) -> bool:
        if name in self._held or not self._renewed(name):
            return False
        self._held.add(name)
        return True

    def _renewed(self, name: str) -> bool:
        return bool(self._renew(keys=[_key(name)], args=[self._owner, LEASE_MILLISECONDS]))


def _key(name: str) -> str:
    return f"receiver:slot:{name}"
