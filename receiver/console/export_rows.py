"""The rows of every list as an export has them: the page's, with its filter, newest first. None
among them says that there is no row yet, so that whoever waits can turn to something else.
"""

import time
from collections.abc import Iterator

import msgspec
import redis

from receiver.auth import credential_store
from receiver.config.settings import Settings
from receiver.console import audit
from receiver.console.attempts import shown
from receiver.console.export import Row
from receiver.console.live import HISTORY, Live
from receiver.console.mask import Masks
from receiver.console.render import iso
from receiver.console.rows import STREAMS, Filter, latest
from receiver.console.rows import Row as LiveRow
from receiver.console.search import PAUSE, search
from receiver.operations import (
    dead_letters,
    delivery_attempts,
    ledger,
    rejected_requests,
    sink_ledger,
)
from receiver.operations.ledger import MEANING, or_more
from receiver.polling import overview as polls
from receiver.subscriptions import overview as subscriptions

PAGE = 200
BODIES = 50
"""Those of a page whose rows have bodies."""


def of_live(client: redis.Redis, masks: Masks, wanted: Filter) -> Iterator[Row]:
    """Yield the rows of the live tail, which goes back so far; at last, where there is more."""
    live = Live(client, masks)
    newest = reversed(latest(live.since({}, live.now()).rows).values())
    yield from (_live(one) for one in newest if wanted.holds(one))
    if sum(client.xlen(stream) for stream in STREAMS) > HISTORY:
        yield {"incomplete": f"only the newest {HISTORY} entries were looked at"}


def of_search(client: redis.Redis, masks: Masks, text: str, hours: int) -> Iterator[Row | None]:
    """Yield what a search finds in its window. Raises `Busy`."""
    for step in search(client, masks, text, hours):
        yield from map(_live, step.rows)
        yield None
        time.sleep(PAUSE)


def of_dead_letters(
    client: redis.Redis, masks: Masks, wanted: dead_letters.Selection
) -> Iterator[Row | None]:
    """Yield dead letters with their bodies."""
    before = ""
    while True:
        rows, before = dead_letters.newest(client, wanted, before, BODIES)
        for one in rows:
            about = msgspec.structs.asdict(one.summary)
            yield about | {"at": iso(one.summary.at), "body": masks.body(one.body)}
        if not before:
            return
        yield None


def of_rejected(
    client: redis.Redis, masks: Masks, wanted: rejected_requests.Selection
) -> Iterator[Row | None]:
    """Yield rejected requests with their headers and bodies."""
    before = ""
    while True:
        rows, before = rejected_requests.newest(client, wanted, before, BODIES)
        for found in rows:
            one = found.refusal
            about = {"id": found.id} | msgspec.structs.asdict(one)
            yield about | {
                "received": iso(one.received),
                "headers": masks.headers(one.headers),
                "body": masks.body(one.body),
            }
        if not before:
            return
        yield None


def of_attempts(client: redis.Redis, masks: Masks, sink: str) -> Iterator[Row]:
    """Yield a sink's last attempts."""
    for row in shown(delivery_attempts.newest(client, sink), masks):
        yield row | {"at": iso(row["at"])}


def of_sinks(client: redis.Redis) -> Iterator[Row]:
    """Yield every sink with its ledger."""
    return (msgspec.structs.asdict(one) for one in sink_ledger.read(client))


def of_credentials(client: redis.Redis) -> Iterator[Row]:
    """Yield the stored credentials, never a token."""
    for one in credential_store.all_stored(client):
        known = one.credential
        yield {
            "id": one.id,
            "label": known.label if known else "",
            "listener": (known.listener or "") if known else "",
            "created": iso(known.created * 1000) if known else "",
            "expires": iso(known.expires * 1000) if known and known.expires else "",
            "used": iso(one.used * 1000) if one.used else "",
        }


def of_audit(client: redis.Redis) -> Iterator[Row]:
    """Yield the audit trail."""
    before = ""
    while rows := audit.newest(client, before, PAGE):
        for entry, one in rows:
            yield {"id": entry} | msgspec.structs.asdict(one) | {"at": iso(one.at)}
        before = rows[-1][0]


def of_ledger(client: redis.Redis) -> Iterator[Row]:
    """Yield every count with its meaning; where none stands in Redis, none."""
    books = ledger.read(client)
    for name, meaning in MEANING.items():
        count = None if name in books.unreadable else getattr(books, name)
        more = " unreadable" if count is None else or_more(name, books.exact)
        yield {"name": name, "count": count, "meaning": f"{meaning};{more}" if more else meaning}


def of_subscriptions(client: redis.Redis, settings: Settings) -> Iterator[Row]:
    """Yield the sets of subscriptions."""
    slots = subscriptions.read_slots(client)
    return map(msgspec.to_builtins, subscriptions.read_sets(client, slots, settings))


def of_polls(client: redis.Redis, settings: Settings) -> Iterator[Row]:
    """Yield the polls."""
    kinds = {one.name: one.kind for one in settings.polls}
    for one in polls.states(client, kinds):
        yield msgspec.to_builtins(one) | {"kind": kinds[one.name]}


def _live(one: LiveRow) -> Row:
    return msgspec.structs.asdict(one) | {"at": iso(one.at)}
