"""The audit trail: who did what, written before it is done; what cannot be written is not done."""

import time
from typing import Any, Final

import msgspec
import redis
from starlette.requests import Request
from starlette.responses import Response

from receiver.contract.redis_keys import CONSOLE_AUDIT
from receiver.contract.stored_values import decoded

MOST: Final = 10_000
"""Entries that are kept."""


class Entry(msgspec.Struct, frozen=True):
    """One action of a person."""

    at: int
    """Milliseconds since 1970."""
    who: str
    action: str
    """Such as `reveal`, `replay`, `drop`, `sink.stop`."""
    about: str = ""
    """The id or name that it was done to, or the filter; never a number or a text of anybody's."""
    count: int = 1
    """To how many."""


_decode = msgspec.json.Decoder(Entry).decode


def record(request: Request, action: str, about: str = "", count: int = 1) -> None:
    """Write what whoever asks is about to do. Raises `redis.RedisError`: then it may not."""
    write(request.app.state.redis, request.state.session.name, action, about, count)


def write(client: redis.Redis, who: str, action: str, about: str = "", count: int = 1) -> None:
    """Write what is about to be done, as `record` does."""
    entry = Entry(time.time_ns() // 1_000_000, who, action, about, count)
    client.xadd(CONSOLE_AUDIT, {"a": msgspec.json.encode(entry)}, maxlen=MOST, approximate=True)


def revealed(request: Request, page: Response) -> Response:
    """Return a page that shows what the address names, once that is on the audit trail; of what was
    not found nothing is revealed, and the address, which may be anything, is written nowhere.
    Raises `redis.RedisError`: then the page is not given out.
    """
    if page.status_code == 200:
        record(request, "reveal", request.path_params["id"])
    return page


def newest(client: redis.Redis, before: str = "", count: int = 50) -> list[tuple[str, Entry]]:
    """Return entries with their ids, newest first, from before an id. Raises `redis.RedisError`."""
    page: Any = client.xrevrange(CONSOLE_AUDIT, max=f"({before}" if before else "+", count=count)
    return [(entry.decode(), _read(entry, fields)) for entry, fields in page]


def _read(entry: bytes, fields: dict[bytes, bytes]) -> Entry:
    """Decode an entry. What another program wrote is shown as that, not passed over."""
    foreign = Entry(int(entry.partition(b"-")[0]), "?", "written by another program")
    return decoded(_decode, fields.get(b"a")) or foreign
