"""The ledger: every accepted notification has one outcome or is still open, and the counts add
up.
"""

from typing import Any

import msgspec
import redis

from receiver.contract.redis_keys import GROUP, INBOUND, LEDGER, LOSSES
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
    """Acknowledged, and then Redis came back without them: at least so many (`health.losses`)."""

    @property
    def balanced(self) -> bool:
        """Return whether every accepted notification is accounted for."""
        return self.accepted == self.published + self.duplicate + self.dead + self.open


def read(client: redis.Redis) -> Ledger:
    """Read the ledger in one script. Raises `redis.RedisError`."""
    script = scripts.load(__package__, "ledger")
    reply: Any = client.eval(script, 3, LEDGER, INBOUND, LOSSES, GROUP)
    return Ledger(*reply)
