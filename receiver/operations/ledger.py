"""The ledger: each accepted notification has one outcome or is open, and the counts add up."""

from typing import Any, Final

import msgspec
import redis

from receiver.contract.redis_keys import GROUP, INBOUND, LEDGER, LOSSES
from receiver.contract.stored_values import text
from receiver.runtime import scripts


class Ledger(msgspec.Struct, frozen=True):
    """One reading of the ledger, all of one moment, in notifications where not said otherwise."""

    accepted: int
    published: int
    duplicate: int
    duplicate_provider_id: int
    """Of them, those that had an id of the network's and said the same besides."""
    duplicate_composite: int
    """Delivery statuses among them, with the same message id, address and status."""
    duplicate_fingerprint: int
    """Those without an id that said the same."""
    dead: int
    erased: int
    """Erased from a spool before they were in Redis, because they were about a person."""
    open: int
    """Not yet given an outcome: delivered to a worker, or not yet delivered."""
    events: int
    """On the events stream so far; one notification may make several."""
    late: int
    """Delivery statuses among them that came after a final one."""
    rejected: int
    """Authentic requests, or items of a batch, that were refused and kept."""
    dead_dropped: int
    """Dead letters that an operator dropped."""
    dead_trimmed: int
    """Dead letters that went because of their age, their number or their size."""
    events_trimmed: int
    """Events that went from the stream for the same reasons."""
    events_unread_trimmed: int
    """Of them, those that a consumer group had not acknowledged, counted once per group."""
    lost: int
    """Acknowledged, and Redis came back without them: at least so many (`health.data_loss`)."""
    exact: int = 1
    """0 where `open` may be more: an entry that waits was deleted (by `receiver erase` or by hand),
    and counting on would take long."""
    unreadable: list[str] = []
    """The counts that are 0 here because no whole number stands there."""

    @property
    def balanced(self) -> bool:
        """Return whether every accepted notification is accounted for, as far as can be told."""
        known = self.published + self.duplicate + self.dead + self.erased + self.open
        return self.accepted == known or (not self.exact and self.accepted > known)


MEANING: Final = {
    "accepted": "acknowledged to the carrier",
    "published": "came out as events",
    "duplicate": "came before",
    "duplicate_provider_id": "of them by an id of the network's and what they say",
    "duplicate_composite": "of them statuses, by message id, address and status",
    "duplicate_fingerprint": "of them without an id, by what they say",
    "dead": "could not be understood; kept as dead letters",
    "erased": "erased from a spool; `receiver erase`",
    "open": "not done yet",
    "events": "on the stream so far; one notification may hold several",
    "late": "of them statuses that came after a final one",
    "rejected": "authentic but refused; kept with the reason",
    "dead_dropped": "dead letters that somebody dropped",
    "dead_trimmed": "dead letters that were too old or too many",
    "events_trimmed": "events that were too old or too many",
    "events_unread_trimmed": "of them not yet read, once per consumer group",
    "lost": "acknowledged, but gone with what Redis has lost",
}
"""Count -> what it says, in words, in the order in which it is shown."""


def or_more(name: str, exact: object) -> str:
    """Return what stands behind a count: `open` of a ledger that is not `exact` may be more."""
    return "" if exact or name != "open" else " or more"


def read(client: redis.Redis) -> Ledger:
    """Read the ledger in one script. Raises `redis.RedisError`."""
    script = scripts.load(__package__, "ledger")
    reply: Any = client.eval(script, 3, LEDGER, INBOUND, LOSSES, GROUP)
    *found, unreadable = reply
    values = [*found, [text(name) for name in unreadable]]
    return Ledger(**dict(zip(Ledger.__struct_fields__, values, strict=True)))
