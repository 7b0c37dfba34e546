"""Selecting rejected requests, and sending them to the receiver once more."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, Final

import msgspec
import redis

from receiver.carriers import CALLBACKS, POLLED
from receiver.carriers.carrier import Callback, Rejected, Request
from receiver.contract.records import Refusal, decode_refusal
from receiver.contract.redis_keys import REJECTED
from receiver.contract.stored_values import decoded
from receiver.operations.look import Look
from receiver.runtime.blocking_http import BlockingHttp, bearer
from receiver.runtime.retry_after import retry_after

_ITEM_TYPE: Final = "application/json"
"""An item of a batch has no headers of its own; as JSON it is read alone."""
_TRANSPORT: Final = frozenset(
    {"host", "content-length", "connection", "keep-alive", "transfer-encoding", "expect", "te"}
    | {"trailer", "upgrade", "proxy-connection"}
)
"""Headers that belong to the connection it came on, not to the request."""
_COMES_AGAIN: Final = frozenset({429, 503})
_KEPT_ANEW: Final = frozenset({400, 403, 408, 413, 415})
_TRIES: Final = 5
_LONGEST_PAUSE: Final = 5.0
"""Seconds, whatever Retry-After says."""
_CALLBACKS: Final = {callback.name: callback for callback in CALLBACKS}
_POLLED: Final = {callback.name for callback in POLLED}


class WrongToken(Exception):
    """The receiver answered 401, and would answer so to every other request."""


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """The conditions for rejected requests; all hold together."""

    ids: frozenset[str] = frozenset()
    """Their own, or their receipts'."""
    listener: str = ""
    reason: str = ""
    status: int = 0
    since: int = 0
    until: int = 2**53

    def holds(self, found: "Found") -> bool:
        """Return whether a rejected request meets all conditions."""
        refusal = found.refusal
        return (
            (not self.ids or found.id in self.ids or refusal.receipt in self.ids)
            and self.listener in ("", refusal.listener)
            and self.reason.lower() in refusal.reason.lower()
            and self.status in (0, refusal.status)
            and self.since <= refusal.received <= self.until
        )


class Found(msgspec.Struct, frozen=True):
    """One rejected request and its id on the stream."""

    id: str
    refusal: Refusal


def select(
    client: redis.Redis, wanted: Selection, passed: Callable[[int], None] = lambda _: None
) -> Iterator[Found]:
    """Yield the selected requests that are stored now, oldest first. `passed` is told how many were
    looked at.
    """
    for page in Look(client).all(REJECTED):
        for entry, fields in page:
            found = Found(entry, _refusal(fields.get(b"r", b"")))
            if wanted.holds(found):
                yield found
        passed(len(page))


def newest(
    client: redis.Redis, wanted: Selection, before: str = "", count: int = 50, budget: int = 5_000
) -> tuple[list[Found], str]:
    """Return at most `count` of the selected requests, newest first, from before an entry, and the
    entry to go on before: empty once there are no more. At most `budget` are looked at. Raises
    `redis.RedisError`.
    """
    rows: list[Found] = []
    look = Look(client, budget)
    pages = look.back(REJECTED, f"({before}" if before else "+")
    for entry, fields in chain.from_iterable(pages):
        found = Found(entry, _refusal(fields.get(b"r", b"")))
        if wanted.holds(found):
            rows.append(found)
            if len(rows) == count:
                return rows, entry
    return rows, look.reached.get(REJECTED, "")


def reasons(client: redis.Redis, count: int) -> Counter[tuple[int, str]]:
    """Return how many of the newest so many were answered with which status, and why. Raises
    `redis.RedisError`.
    """
    pages = Look(client, count).back(REJECTED)
    found = (_refusal(fields.get(b"r", b"")) for _, fields in chain.from_iterable(pages))
    return Counter((one.status, one.reason) for one in found)


def drop(client: redis.Redis, found: Found) -> bool:
    """Delete a rejected request for good. Returns whether it was there still."""
    gone: Any = client.xdel(REJECTED, found.id)
    return bool(gone)


def get(client: redis.Redis, entry: str) -> Found | None:
    """Return the rejected request of an entry, or None. Raises `redis.RedisError`."""
    page: Any = client.xrange(REJECTED, entry, entry, count=1)
    return Found(entry, _refusal(page[0][1].get(b"r", b""))) if page else None


class Replay:
    """Sends rejected requests to a receiver. Raises `Unreachable` and `WrongToken`."""

    def __init__(self, client: redis.Redis, url: str, token: str) -> None:
        self._client = client
        self._url = url.rstrip("/")
        self._token = token
        self._http = BlockingHttp(timeout=10)

    def send(self, found: Found) -> str:
        """Send a rejected request and return the outcome: `taken`, or why not. Once taken, or
        rejected anew, it is deleted here.

        What today's reading would refuse again is not sent, so that it is not kept twice.
        """
        if hopeless := _hopeless(found.refusal):
            return hopeless
        status = self._post(found.refusal)
        if status == 401:
            raise WrongToken
        taken, kept = 200 <= status < 300, status in _KEPT_ANEW
        if taken or kept:
            drop(self._client, found)
        return "taken" if taken else f"answered {status}{', kept again' * kept}"

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _post(self, refusal: Refusal) -> int:
        url = f"{self._url}{_CALLBACKS[refusal.callback].path}/{refusal.listener}"
        headers: list[tuple[str, str | bytes]] = [("Authorization", bearer(self._token))]
        headers += _headers(refusal)
        for tried in range(_TRIES):
            answer = self._http.request("POST", url, headers, refusal.body)
            if answer.status not in _COMES_AGAIN or tried == _TRIES - 1:
                break
            wait = retry_after(answer.headers.get("retry-after", ""), time.time())
            time.sleep(min(1.0 if wait is None else wait, _LONGEST_PAUSE))
        return answer.status


def _refusal(entry: bytes) -> Refusal:
    """Decode a refusal. One that cannot be read is shown as such, not passed over."""
    unreadable = Refusal("?", "", "", 0, 0, "this entry of the stream cannot be read", [], entry)
    return decoded(decode_refusal, entry) or unreadable


def _headers(refusal: Refusal) -> list[tuple[str, str]]:
    if not refusal.headers:
        return [("content-type", _ITEM_TYPE)]
    return [(name, value) for name, value in refusal.headers if name not in _TRANSPORT]


def _hopeless(refusal: Refusal) -> str:
    callback = _CALLBACKS.get(refusal.callback)
    if refusal.callback in _POLLED:
        return "it was fetched, not pushed; what was whole in it has come out"
    if callback is None:
        return "of a carrier that is not known here"
    if refusal.status in (408, 413):
        return "only its beginning was kept"
    if callback.verify:
        return "its carrier signs requests, and signatures are not kept"
    return _refused_again(callback, refusal)


def _refused_again(callback: Callback, refusal: Refusal) -> str:
    headers = _headers(refusal)
    content_type = next((value for name, value in headers if name == "content-type"), "")
    try:
        pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers]
        callback.read(Request(content_type, pairs, refusal.body))
    except Rejected as rejected:
        return f"would be refused again: {rejected.reason}"
    except Exception as error:  # noqa: BLE001 - a fault of ours in one may not hold back the others
        return f"reading it fails: {type(error).__name__}"
    return ""
