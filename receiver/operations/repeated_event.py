"""Finding the event that a duplicate repeats, by the identity that its notification has."""

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from receiver.carriers import BY_NAME
from receiver.carriers.identity import identity, unique
from receiver.config.settings import Settings
from receiver.contract.entry_ids import order
from receiver.contract.records import Notification
from receiver.contract.redis_keys import EVENTS
from receiver.operations.look import Look
from receiver.operations.notification_entries import read_event

NOT_FOUND_YET: Final = "has no event among those looked at, nor has what it may repeat"


_id: Final = re.compile(rb'"id":"([0-9a-f]{32})"').search


def repeats(
    look: Look,
    kept: Sequence[tuple[str, Notification]],
    published: Iterable[str],
    settings: Settings,
) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield what one receipt's notifications repeat, as entry, words and fields. `kept` are those
    that have their outcome, each under its entry, `published` the ids of the events they made.
    """
    names = list(_repeated(kept, published, settings))
    around = max((order(entry)[0] for entry, _ in kept), default=0)
    found = find(look, {name for _, name in names}, around) if names else {}
    for own, name in names:
        if name in found:
            entry, event = found[name]
            about = {"event": name, "entry": entry, "stream": EVENTS}
            receipt = read_event(event).receiptid
            about |= {"receipt": receipt, "look": f"receiver explain {receipt or entry}"}
            yield own, "repeats", about
        elif EVENTS in look.reached:
            yield own, NOT_FOUND_YET, {"event": name}
        else:
            yield own, "has no event on the stream, nor has what it may repeat", {"event": name}


def _repeated(
    kept: Iterable[tuple[str, Notification]], published: Iterable[str], settings: Settings
) -> Iterator[tuple[str, str]]:
    """Yield entries, each with the id of an event that was published before, and not for it."""
    own = Counter(published)
    for entry, notification in kept:
        for name, alone in _names(notification, settings):
            made = alone if own[alone] else name
            if own[made]:
                own[made] -= 1
            elif name:
                yield entry, name


def find(look: Look, names: set[str], around: int) -> dict[str, tuple[str, bytes]]:
    """Return event id -> its entry on the stream and its JSON, of those that are found.

    Looks back from a time (milliseconds since 1970): most repeats come soon after; then on from it,
    for what waited for a worker.
    """
    found: dict[str, tuple[str, bytes]] = {}
    back, on = look.back(EVENTS, f"{around}"), look.on(EVENTS, f"({around}-{2**64 - 1}")
    for page in itertools.chain(back, on):
        for entry, fields in page:
            document = fields.get(b"event", b"")
            repeats = _id(document)  # attributes stand before data: the first match is ours
            if repeats and (name := repeats[1].decode()) in names:
                found.setdefault(name, (entry, document))
        if found.keys() == names:
            break
    return found


def _names(notification: Notification, settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield for each event the id that its repeats share, empty when it has none, and the id it has
    where repeats are published. Nothing for a notification that cannot be understood.
    """
    try:
        callback = BY_NAME[notification.callback]
        events = callback.events(notification, settings.place(notification.listener))
    except Exception:  # noqa: BLE001 - whatever it is made the notification a dead letter
        return
    for index, event in enumerate(events):
        alone = unique(notification, event, index)
        yield identity(notification, event).hex(), alone.hex()
