"""The records of a simulated operator: requests, deliveries and subscriptions."""

from collections import Counter
from datetime import datetime
from typing import Any

from msgspec import Struct

from receiver.simulate.notifications import time_text
from receiver.simulate.operator.operator import Operator
from receiver.simulate.operator.subscription import Subscription


class Call(Struct):
    """One request to the operator."""

    at: datetime
    operation: str
    api: str = ""
    version: str = ""
    answer: int = 0
    """The status; 0 when the connection was closed without one."""
    fault: str = ""
    subscription: str = ""


def books(operator: Operator, *, summary: bool) -> dict[str, Any]:
    """Return everything as one document; `summary` leaves out the lists."""
    known = operator.subscriptions.values()
    found: dict[str, Any] = {
        "now": time_text(operator.clock.now()),
        "seed": operator.scenario.seed,
        "live": sum(each.live for each in known),
        "statuses": Counter(each.status for each in known),
        "requests": operator.calls.answers,
        "deliveries": operator.deliveries.attempts.answers,
        "under_way": operator.deliveries.under_way,
        "faults": operator.fault_orders.left,
    }
    if not summary:
        found |= {
            "calls": operator.calls.shown(),
            "attempts": operator.deliveries.attempts.shown(),
            "subscriptions": [_shown(each) for each in known],
        }
    return found


def _shown(found: Subscription) -> dict[str, Any]:
    """Return everything of a subscription but the sink's token."""
    return {
        "id": found.id,
        "api": found.dialect.api,
        "version": found.dialect.version,
        "type": found.wanted.type,
        "device": found.device,
        "sink": found.wanted.sink,
        "status": found.status,
        "live": found.live,
        "created": time_text(found.created),
        "expiresAt": time_text(found.ends) if found.ends else None,
        "tokenExpiresAt": time_text(found.wanted.token_ends) if found.wanted.token_ends else None,
        "events": found.sent,
    }
