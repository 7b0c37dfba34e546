"""Strangers who destroy a consumer group of ours or move it."""

from collections.abc import Callable
from typing import Any

import pytest

from receiver.contract.redis_keys import MARKS

Stranger = Callable[[Any, str, str], object]


def _made_anew(start: str) -> Stranger:
    def stranger(client: Any, stream: str, group: str) -> None:
        client.xgroup_destroy(stream, group)
        client.xgroup_create(stream, group, id=start)

    return stranger


def _set_to(where: str) -> Stranger:
    return lambda client, stream, group: client.xgroup_setid(stream, group, where)


STRANGERS: dict[str, Stranger] = {
    "destroyed": lambda client, stream, group: client.xgroup_destroy(stream, group),
    "made anew at 0": _made_anew("0"),
    "made anew at the end": _made_anew("$"),
    "set to 0": _set_to("0"),
    "set to the middle": lambda client, stream, group: client.xgroup_setid(
        stream, group, client.xrange(stream)[client.xlen(stream) // 2][0]
    ),
    "set to the end": _set_to("$"),
}


@pytest.fixture(params=list(STRANGERS.values()), ids=list(STRANGERS))
def stranger(request: pytest.FixtureRequest) -> Stranger:
    found: Stranger = request.param
    return found


def moves(client: Any, group: str) -> int:
    return int(client.hget(MARKS, f"{group}:moves") or 0)
