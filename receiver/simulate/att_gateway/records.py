"""The records of a simulated gateway: requests, pages, and where every accepted message is."""

from collections import Counter
from datetime import datetime
from typing import Any

from msgspec import Struct

from receiver.simulate.att_gateway.gateway import Gateway
from receiver.simulate.att_gateway.in_app.mailbox import Mailbox


class Call(Struct, frozen=True):
    """One request to the gateway."""

    at: datetime
    route: str
    method: str
    answer: int
    """The status; 0 when the connection ended without one."""
    fault: str = ""


def records(gateway: Gateway, *, summary: bool) -> dict[str, Any]:
    """Return everything as one document; `summary` leaves out the lists."""
    found: dict[str, Any] = {
        "now": gateway.clock.now(),
        "seed": gateway.scenario.seed,
        "inbox": inbox(gateway),
        "statuses": gateway.outbox.counts(),
        "mailboxes": {name: _mailbox(one) for name, one in gateway.mailboxes.items()},
        "requests": gateway.calls.answers,
        "pushes": gateway.pushes.answers,
        "faults": gateway.fault_orders.left,
        "tokens": {"issued": gateway.tokens.issued, "refreshed": gateway.tokens.refreshed},
    }
    if not summary:
        found |= {
            "calls": gateway.calls.shown(),
            "pages": [each.shown() for each in gateway.handovers.all],
            "sent": gateway.outbox.shown(),
        }
    return found


def _mailbox(mailbox: Mailbox) -> dict[str, Any]:
    messages, changes = len(mailbox.items), len(mailbox.changes)
    return {"status": mailbox.status, "messages": messages, "changes": changes}


def inbox(gateway: Gateway) -> dict[str, Any]:
    """Return where every accepted message is: the numbers add up to `accepted`.

    `uncertain` is how many of those that were handed over had nobody who surely read them: their
    connection was reset, or their client was killed.
    """
    fates: Counter[str] = Counter()
    uncertain = 0
    for each in gateway.handovers.all:
        if each.route != "inbox":
            continue
        found = each.fates()
        fates.update(found)
        uncertain += 0 if each.certain else sum(one in ("whole", "inside") for one in found)
    waiting = gateway.inbox.waiting
    counts = {
        "waiting": sum(waiting.values()),
        "expired": len(gateway.inbox.expired),
        "under_way": fates["under_way"],
        "handed_whole": fates["whole"],
        "cut_inside": fates["inside"],
        "cut_beyond": fates["beyond"],
        "never_answered": fates["unanswered"],
    }
    accepted = gateway.inbox.accepted
    return {
        "accepted": accepted,
        **counts,
        "balanced": sum(counts.values()) == accepted,
        "uncertain": uncertain,
        "by_registration": waiting,
    }
