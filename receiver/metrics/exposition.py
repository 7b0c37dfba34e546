"""`/metrics`: the state in Redis and this machine's spool, in Prometheus' text format.

Every process answers for all of them, since what is counted lies in Redis. While that does not
answer, `receiver_redis_up` is 0 and all it knows is left out. No label says who sent or received
anything: there are listeners, sinks, callbacks, names of credentials, and words of ours.
"""

import contextlib
import math
from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client.core import Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from receiver import __version__
from receiver.auth.credential_store import not_replaced
from receiver.config.polls import AttMessagesPoll
from receiver.config.settings import Settings
from receiver.contract.redis_keys import forward_group, forward_queue
from receiver.intake.spool.depth import age
from receiver.intake.spool.location import SpoolContents
from receiver.metrics import ledger_families, polls, sink_families, subscriptions
from receiver.metrics.counters import ACKNOWLEDGED, DELIVERED, LISTENERS, OTHER, PUBLISHED
from receiver.metrics.families import Labelled, counter, gauge, histogram, labelled
from receiver.metrics.snapshot import Snapshot
from receiver.polling.overview import page_files
from receiver.polling.page_file import DIRECTORY

RETIRED_LISTENER: Final = 7 * 86400.0
"""Seconds of silence after which nobody waits for a listener that no receiver.toml names."""

_REFUSED: Final = {
    "400": "malformed",
    "403": "credential of another listener",
    "408": "too slow",
    "413": "too large",
    "415": "media type",
    "503": "unavailable",
}
"""Status -> reason of a refusal; the other reasons are counted as words already."""


def exposition(
    snapshot: Snapshot | None, spool: SpoolContents | None, settings: Settings, *, ready: bool
) -> bytes:
    """Return the text of `/metrics`. `snapshot` is None while Redis does not answer."""
    said = "1 if this process would take a notification now, as its /readyz says."
    ours = [gauge("receiver_ready", said, int(ready)), *_ours(snapshot, spool)]
    told = [*ours, *_known(snapshot, settings), *_polls(snapshot, settings)]
    return generate_latest(_Once(told))


class _Once(Collector):
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        return self._families


def _ours(snapshot: Snapshot | None, spool: SpoolContents | None) -> Iterator[Metric]:
    up = "1 if Redis answered this scrape."
    yield gauge("receiver_redis_up", up, int(snapshot is not None))
    yield labelled("receiver_build", "The version that answers.", ["version"], {(__version__,): 1})
    if spool is None:
        return
    depth = spool.depth
    where = "on this machine's disk, acknowledged and not in Redis yet"
    yield gauge("receiver_spool_notifications", f"Notifications {where}.", depth.notifications)
    yield gauge("receiver_spool_bytes", f"Bytes {where}.", depth.bytes)
    yield gauge("receiver_spool_oldest_seconds", f"Age of the oldest {where}.", age(depth))
    said = "Notifications on this machine's disk, at least, that were damaged and are set aside."
    yield gauge("receiver_spool_damaged", said, sum(spool.damaged.values()))
    said = "Files of the spool on this machine's disk that cannot be read."
    yield gauge("receiver_spool_unreadable_files", said, len(spool.unreadable))


def _polls(snapshot: Snapshot | None, settings: Settings) -> Iterator[Metric]:
    if not settings.polls:
        return
    states = snapshot.polls if snapshot else []
    with contextlib.suppress(OSError):  # of a directory that may not be read nothing is said
        yield polls.pages(states, page_files(settings.data_dir / DIRECTORY))
    if snapshot:
        yield from polls.families(states, snapshot.now)
        mailboxes = [one.name for one in settings.polls if isinstance(one, AttMessagesPoll)]
        yield polls.consents(mailboxes, snapshot.consents, snapshot.now)


def _known(snapshot: Snapshot | None, settings: Settings) -> Iterator[Metric]:
    if snapshot is None:
        return
    if snapshot.ledger:
        yield from ledger_families.families(snapshot, snapshot.ledger)
    yield from _history(snapshot, settings)
    yield from _requests(snapshot)
    yield from _times(snapshot)
    yield from sink_families.families(snapshot, settings)
    yield _silence(snapshot, (one.name for one in settings.listeners))
    yield _credentials(snapshot)
    yield from polls.watches(snapshot.watches, snapshot.watch_late)
    yield from subscriptions.metrics(snapshot)
    yield from _redis(snapshot, settings.full_percent)


def _history(found: Snapshot, settings: Settings) -> Iterator[Metric]:
    said = "Acknowledged notifications, at least, that a Redis that came back did not know of."
    yield gauge("receiver_notifications_lost", said, found.lost)
    entries: Labelled = {(name.removeprefix("receiver:"),): n for name, n in found.entries.items()}
    yield labelled("receiver_stream_entries", "Entries kept on a stream.", ["stream"], entries)
    dead: Labelled = {(owner,): n for owner, n in found.dead_letters.items()}
    said = "Dead letters kept, by owner: notifications, or sink:<name>."
    yield labelled("receiver_dead_letters", said, ["owner"], dead)
    yield from _readers(found, settings)
    moves: Labelled = {(group,): times for group, (times, _) in found.moves.items()}
    said = "How often somebody had destroyed or moved a consumer group of ours."
    yield counter("receiver_group_moves", said, ["group"], moves)
    yield _workers(found, settings)


def _readers(found: Snapshot, settings: Settings) -> Iterator[Metric]:
    prefix = forward_group("")
    behind: Labelled = {
        (name,): float(group.entries)
        for name, group in sorted(found.groups.items())[:LISTENERS]
        if not name.startswith(prefix)
    }
    said = "Events that a consumer group of yours has not acknowledged; -1: nobody can tell."
    yield labelled("receiver_reader_backlog", said, ["group"], behind)
    names = [one.name for one in settings.readers if one.name in found.groups]
    ages: Labelled = {(name,): found.groups[name].oldest for name in names}
    said = "Age of the oldest event that a [[reader]] of receiver.toml has not acknowledged."
    yield labelled("receiver_reader_backlog_oldest_seconds", said, ["group"], ages)


def _workers(found: Snapshot, settings: Settings) -> Metric:
    here = {sink.name for sink in settings.sinks}
    gone = {
        forward_queue(name)
        for name, sink in found.sinks.items()
        if name not in here and not sink.known(found.now)
    }
    workers: Labelled = {(forward_queue(name),): 0 for name in here}  # no worker may know one yet
    workers |= {(q,): alive for q, alive in found.workers.items() if q not in gone}
    return labelled("receiver_workers", "Workers alive.", ["queue"], workers)


def _requests(found: Snapshot) -> Iterator[Metric]:
    answered: Labelled = {}
    refused: Labelled = {}
    for field, count in found.meter.items():
        what, _, rest = field.partition("|")
        if what != "answered":
            continue
        callback, _, status = rest.partition("|")
        answered[callback, "none" if status == "0" else status] = count
        if status in _REFUSED:
            refused[callback, _REFUSED[status]] = count
    for field, count in found.turned_away.items():
        callback, _, reason = field.partition(" ")
        refused[callback, reason] = count
    said = "Requests answered; `none` where the sender left before."
    yield counter("receiver_requests", said, ["callback", "status"], answered)
    said = "Requests refused, by reason."
    yield counter("receiver_requests_refused", said, ["callback", "reason"], refused)


def _times(found: Snapshot) -> Iterator[Metric]:
    said = "From a notification's last byte until it was durable and could be acknowledged."
    yield histogram("receiver_acknowledgement_seconds", said, found.meter, ACKNOWLEDGED)
    said = "From a notification's receipt until its events were published."
    yield histogram("receiver_receipt_to_published_seconds", said, found.meter, PUBLISHED)
    said = "From a notification's receipt until a sink had the event."
    yield histogram("receiver_receipt_to_delivered_seconds", said, found.meter, DELIVERED, ["sink"])


def _silence(found: Snapshot, configured: Iterable[str]) -> Metric:
    names = set(configured)
    # Where some were heard together, whether one that is absent was among them cannot be known.
    silent: Labelled = {} if OTHER in found.heard else {(name,): math.inf for name in names}
    for name, at in found.heard.items():
        seconds = max(0.0, found.now - at / 1000)
        # One that is not configured any more is not waited for; where none need be, not for ever.
        if name in names or (not names and seconds < RETIRED_LISTENER):
            silent[name,] = seconds
    said = "Since the last notification was acknowledged; +Inf: there was none yet."
    return labelled("receiver_listener_silence_seconds", said, ["listener"], silent)


def _credentials(found: Snapshot) -> Metric:
    left: Labelled = {}
    for one in not_replaced(found.credentials):
        if one.credential:
            expires = one.credential.expires
            days = math.inf if expires is None else (expires - found.now) / 86400
            name = (one.credential.label[:64] or "unnamed",)
            left[name] = min(days, left.get(name, math.inf))
    said = "Until a credential ends, the first of a label that none in use replaces; +Inf: never."
    return labelled("receiver_credential_days_left", said, ["credential"], left)


def _redis(found: Snapshot, full_percent: int) -> Iterator[Metric]:
    used, limit = (int(found.info.get(name, 0)) for name in ("used_memory", "maxmemory"))
    yield gauge("receiver_redis_memory_used_bytes", "Memory that Redis uses.", used)
    yield gauge("receiver_redis_memory_limit_bytes", "Its limit, 0 without one.", limit)
    said = "The share of the limit from which on notifications are refused."
    yield gauge("receiver_redis_memory_full_ratio", said, full_percent / 100)
    replicas = int(found.info.get("connected_slaves", 0))
    yield gauge("receiver_redis_replicas", "Replicas connected to it.", replicas)
