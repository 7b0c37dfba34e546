"""Checks the work in progress: credentials, workers, ledger, sinks, readers, dead letters."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from receiver.config import sinks
from receiver.config.fault import shown
from receiver.config.settings import Settings
from receiver.contract.redis_keys import (
    DEAD_LETTERS,
    NORMALISE_QUEUE,
    REJECTED,
    forward_queue,
)
from receiver.doctor.credentials import WEEK, credentials
from receiver.doctor.finding import Finding
from receiver.doctor.key_types import check_counts
from receiver.doctor.polls import watches
from receiver.doctor.unreachable_redis import ASK
from receiver.health.data_loss import loss_message
from receiver.metrics.counters import OTHER
from receiver.metrics.snapshot import Snapshot

_MANY: Final = 90_000
"""Dead letters of one owner that are nearly as many as are kept."""
_MANY_RETRIES: Final = 10_000
"""Retries of one sink from which on memory limits them (`workers.forward.delivery_queue`)."""
_BEHIND: Final = 900.0
"""Seconds after which a consumer group of the company's is behind."""
_LATE: Final = 60.0
"""Seconds after which an open notification is late: a worker needs a tenth of one."""


def check_workload(
    settings: Settings, found: Snapshot, tokens: Sequence[str], demo: str
) -> Iterator[Finding]:
    """Check the work in progress.

    `tokens` are valid without being stored; `demo` is that of `receiver up --demo`, or empty.
    """
    if not (found.credentials or tokens or settings.subscriptions):
        yield Finding(
            "serious",
            "there is no credential: none is stored, and none is in RECEIVER_BEARER_TOKENS here",
            "unless `receiver web` has that variable, every request is answered 401",
            "receiver credentials add --label NAME  # if web has RECEIVER_BEARER_TOKENS: run "
            "doctor with the environment of web instead",
            "/credentials",
        )
    yield from credentials(found, demo)
    yield from _workers(settings, found)
    yield from _sinks(settings, found)
    yield from _retired(settings, found)
    yield from _books(found)
    yield from check_counts(found)
    yield from _readers(settings, found)
    yield from _dead_letters(found)
    yield from watches(settings, found)


def _books(found: Snapshot) -> Iterator[Finding]:
    """Find what is lost, late, or in no account."""
    if found.lost:
        what, _, fix = loss_message(found.lost).partition("; ")
        why = "they were acknowledged, and no network sends them again"
        yield Finding("serious", what, why, fix)
    yield from _moved_groups(found)
    if found.ledger and not found.ledger.balanced:
        yield Finding(
            "serious",
            "the ledger does not balance",
            "a notification that was acknowledged has no outcome, and is not open either",
            "receiver ledger",
            "/ledger",
        )
    if found.inbound.oldest > _LATE:
        yield Finding(
            "warning",
            f"the oldest open notification has waited for {found.inbound.oldest:.0f} s",
            "the workers do not keep up, or do not work",
            "receiver worker  # one more",
        )


def _moved_groups(found: Snapshot) -> Iterator[Finding]:
    for group, (_, at) in sorted(found.moves.items()):
        if found.now - at < WEEK:
            when = datetime.fromtimestamp(min(at, found.now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            yield Finding(
                "warning",
                f"the consumer group {group} was destroyed or moved (noticed {when})",
                "the workers went on where they were; a reader of events needs a group of its own",
                f"{ASK}ACL LIST  # then deny XGROUP where it is not needed",
            )


def _workers(settings: Settings, found: Snapshot) -> Iterator[Finding]:
    if not found.workers.get(NORMALISE_QUEUE):
        yield Finding(
            "serious",
            "no worker runs",
            "notifications are accepted and not processed, until Redis is full; no sink gets any",
            "receiver worker",
        )
    if not any(found.workers.values()):
        return  # said once, not once more for each sink
    for sink in settings.sinks:
        if not found.workers.get(forward_queue(sink.name)):
            yield Finding(
                "serious",
                f"no worker of the sink {sink.name} runs",
                "its events stay on the stream",
                "receiver worker  # with the same receiver.toml; its log says what it took of it",
            )


def check_sink_variables(settings: Settings, found: Snapshot) -> Iterator[Finding]:
    """Check the environment variables of the sinks; a running worker of a sink has its own."""
    values = settings.sink_variables
    for sink in settings.sinks:
        runs = found.workers.get(forward_queue(sink.name))
        for name, wrong in sorted(sinks.variable_faults(sink, values).items()):
            if name in values or not runs:
                what, _, fix = wrong.partition(": ")
                yield Finding(
                    "serious",
                    f"sink {sink.name!r}: the environment variable {shown(name)} {what}",
                    "the workers refuse to start: nothing is delivered",
                    f"{fix}; then restart worker",
                )


def _sinks(settings: Settings, found: Snapshot) -> Iterator[Finding]:
    here = {sink.name for sink in settings.sinks}
    for name, sink in found.sinks.items():
        if name not in here and "configured" in sink.counts and not sink.known(found.now):
            continue  # it was taken out, and nothing is sent to it
        if "stopped" in sink.state:
            yield Finding(
                "serious",
                f"the sink {name} is stopped: {sink.state['stopped']}",
                "nothing is delivered to it; what has waited for its give_up_hours becomes a dead "
                "letter",
                f"receiver sinks start {name}",
                f"/sinks/{name}",
            )
        elif sink.failing and "refused" in sink.state:
            yield Finding(
                "serious",
                f"the consumer of the sink {name} refuses everything ({sink.state['refused']}): "
                "nothing is sent to it but a probe now and then",
                "its events wait, for as long as its give_up_hours say",
                f"mend its URL, its token or the consumer; {name} goes on by itself",
                f"/sinks/{name}",
            )
        elif sink.failing:
            yield Finding(
                "warning",
                f"the sink {name} fails: only a probe is sent to it now and then",
                "its events wait, at most for its give_up_hours",
                f"receiver sinks list  # then mend {name}",
                f"/sinks/{name}",
            )
        elif sink.retries >= _MANY_RETRIES:
            yield Finding(
                "warning",
                f"{sink.retries} events of the sink {name} wait to be sent once more",
                "where they take a tenth of Redis, or half of the sink's share, nothing newer is "
                "sent until they are taken or given up",
                f"receiver sinks list  # its last failure; then mend {name}",
                f"/sinks/{name}",
            )


def _retired(settings: Settings, found: Snapshot) -> Iterator[Finding]:
    """Find sinks and listeners that are not configured any more."""
    here = {sink.name for sink in settings.sinks}
    for name, sink in found.sinks.items():
        if name not in here and not sink.known(found.now):
            yield Finding(
                "note",
                f"the sink {name} is not configured any more",
                f"{max(0, sink.waiting.entries) + sink.retries} events are open for it; a day "
                "after it was taken out they become dead letters or are let go",
                f"put {name} back into receiver.toml, or wait",
            )
    listeners = {listener.name for listener in settings.listeners}
    for name in sorted(set(found.heard) - listeners - {OTHER}) if listeners else ():
        yield Finding(
            "note",
            f"the listener {name} is not configured any more",
            "requests to it are answered 404",
            f"put {name} back into receiver.toml, or tell its sender",
        )


def _readers(settings: Settings, found: Snapshot) -> Iterator[Finding]:
    """Check that each named group exists and reads."""
    for one in settings.readers:
        group = found.groups.get(one.name)
        if group is None:
            yield Finding(
                "warning",
                f"the reader {one.name} of receiver.toml has no consumer group",
                "nothing is kept for it when memory is short",
                f"{ASK}XGROUP CREATE receiver:events {one.name} $ MKSTREAM",
            )
        elif group.oldest > _BEHIND:
            yield Finding(
                "warning",
                f"the reader {one.name} is {group.oldest:.0f} s behind, with "
                f"{group.entries} events that it has not acknowledged",
                f"beyond {one.share:g} % of maxmemory they go when memory is short",
                f"look at the consumers of {one.name}",
            )


def _dead_letters(found: Snapshot) -> Iterator[Finding]:
    if dead := found.entries[DEAD_LETTERS]:
        yield Finding(
            "warning",
            f"{dead} dead letters wait" + _of_owners(found),
            "they go after 30 days, and each owner's oldest from 100,000 on",
            "receiver dead-letters list",
            "/dead-letters",
        )
    for owner, count in found.dead_letters.items():
        if count >= _MANY:
            yield Finding(
                "serious",
                f"{owner} has {count} dead letters",
                "from 100,000 on its oldest go",
                "receiver dead-letters replay  # once their cause is mended; or drop",
                "/dead-letters",
            )
    if rejected := found.entries[REJECTED]:
        yield Finding(
            "note",
            f"refused requests that are kept: {rejected}",
            "the newest 10,000 are kept",
            "receiver rejected list",
            "/rejected",
        )


def _of_owners(found: Snapshot) -> str:
    """Return how many of the dead letters are whose, most first; nothing where nobody knows yet."""
    most = sorted(found.dead_letters.items(), key=lambda one: -one[1])
    return "".join(f", {count} of {owner}" for owner, count in most[:5])
