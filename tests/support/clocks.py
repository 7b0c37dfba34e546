"""Redis' clock moved: for a script, and for what a consumer group remembers."""

from types import SimpleNamespace
from typing import Any

import pytest
import redis

from receiver.runtime import scripts

_POLYNOMIAL = 0x95AC9329AC4BC9B5
"""CRC-64 Jones, reflected: what DUMP ends with."""


def lead(patch: pytest.MonkeyPatch, module: Any, milliseconds: int) -> None:
    """Scripts that this module loads see a server whose clock is ahead by so much."""

    def load(package: str, name: str) -> str:
        now = "(function(t) return {math.floor(t[1] + %d), t[2]} end)(redis.call('TIME'))"
        return scripts.load(package, name).replace(
            "redis.call('TIME')", now % (milliseconds // 1000)
        )

    patch.setattr(module, "scripts", SimpleNamespace(load=load))


def delivered_ahead(client: redis.Redis, stream: str, by: int, group: str) -> None:
    """What this group was delivered had been so by a server whose clock was ahead by so many ms."""
    untyped: Any = client
    found = untyped.execute_command("XINFO", "STREAM", stream, "FULL", "COUNT", 0)
    packed: Any = client.dump(stream)
    body = bytes(packed)[:-8]
    for one in found[b"groups"]:
        for _, _, at, _ in one[b"pending"] if one[b"name"] == group.encode() else ():
            body = body.replace(at.to_bytes(8, "little"), (at + by).to_bytes(8, "little"))
    client.restore(stream, 0, body + _crc(body).to_bytes(8, "little"), replace=True)


def _crc(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
    return crc
