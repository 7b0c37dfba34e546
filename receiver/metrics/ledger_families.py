"""The metrics of the ledger: what became of the notifications that were accepted."""

from collections.abc import Iterator
from typing import Final, get_args

from prometheus_client.core import Metric

from receiver.events.event_types import Basis
from receiver.metrics.families import Labelled, counter, gauge
from receiver.metrics.snapshot import Snapshot
from receiver.operations.ledger import Ledger

_COUNTS: Final = {
    "accepted": ("notifications_accepted", "Notifications acknowledged to the carrier."),
    "published": ("notifications_published", "Notifications that came out as events."),
    "duplicate": ("notifications_duplicate", "Notifications that had come before."),
    "dead": ("notifications_dead", "Notifications that nothing could be made of: dead letters."),
    "erased": ("notifications_erased", "Notifications erased from a spool, about a person."),
    "events": ("events", "Events published; one notification may hold several."),
    "late": ("statuses_late", "Delivery statuses that came after a final one."),
    "rejected": ("rejected", "Authentic requests, or items of them, refused and kept."),
    "dead_dropped": ("dead_letters_dropped", "Dead letters that an operator dropped."),
    "dead_trimmed": ("dead_letters_trimmed", "Dead letters that went for age, number or size."),
    "events_trimmed": ("events_trimmed", "Events that went from the stream for age or size."),
    "events_unread_trimmed": (
        "events_unread_trimmed",
        "Of them, those that a consumer group had not acknowledged, once per group.",
    ),
}


def families(snapshot: Snapshot, ledger: Ledger) -> Iterator[Metric]:
    """Yield the families of a snapshot's ledger."""
    for field, (name, meaning) in _COUNTS.items():
        value = getattr(ledger, field)
        yield counter(f"receiver_{name}", meaning, [], {(): value})
    said = "Of those that had come before, by what their recognition rests on."
    by_basis: Labelled = {
        (basis,): getattr(ledger, f"duplicate_{basis.replace('-', '_')}")
        for basis in get_args(Basis)
        if basis != "none"
    }
    yield counter("receiver_notifications_duplicate_by_basis", said, ["basis"], by_basis)
    said = "Notifications accepted and without an outcome yet."
    yield gauge("receiver_notifications_open", said, ledger.open)
    said = "Age of the oldest notification without an outcome."
    yield gauge("receiver_notifications_open_oldest_seconds", said, snapshot.inbound.oldest)
    said = "1 if every accepted notification is accounted for."
    yield gauge("receiver_books_balanced", said, int(ledger.balanced))
