"""Loss, noticed: a Redis that knows less than it answered for is said so, and written down.

It comes back empty (its disk was not kept), or behind (an older copy, a replica that had not got
everything and was promoted). Two signs: the books have another name, or the ledger's count of
accepted notifications went backwards. What is written down is the least that must be missing.
"""

import secrets
from typing import Any, Final

import redis.asyncio
import structlog

from receiver.notification import BOOK, LEDGER, LOSSES

log = structlog.get_logger()

KEPT_SECONDS: Final = 30 * 24 * 3600
# Every web process notices; the most that any of them knew of counts, once per life of the books.
_RECORD: Final = """
if tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0') < tonumber(ARGV[2]) then
    redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
    redis.call('EXPIRE', KEYS[1], ARGV[3])
end
return redis.call('HVALS', KEYS[1])
"""


class Losses:
    """What this process knows was in the books, against what is in them now."""

    def __init__(self) -> None:
        self._book: bytes | None = None
        self._known = 0
        """The ledger's count, as last answered to an append or a look."""
        self._looked = 0
        """The same, at the last look."""
        self._dropped_from = 0
        self._dropped_by = 0
        self.lost = 0
        """How many notifications at least, as all web processes noticed and wrote down."""

    def saw(self, before: int, accepted: int) -> None:
        """The ledger's count as answered to two acknowledged appends, one after the other."""
        if accepted < before:
            self._dropped_from = max(self._dropped_from, before)
            self._dropped_by = max(self._dropped_by, before - accepted)
            self._known = accepted
        self._known = max(self._known, accepted)

    async def look(self, client: redis.asyncio.Redis, run_id: str) -> None:
        """Compare. Raises one of `DOWN`, and so says also that Redis takes no writes."""
        known = self._known
        name = secrets.token_hex(8)  # always a new one, or an emptied server would get the old
        found: Any = await client.set(BOOK, name, nx=True, get=True)
        accepted = int(await client.hget(LEDGER, "accepted") or 0)
        book = found or name.encode()
        if self._book not in (None, book):
            missing = self._dropped_from or self._looked
        else:
            missing = max(self._dropped_by, known - accepted)
        # One life for both signs: the count goes backwards once more for an append after this look.
        life = book + b" " + run_id.encode()
        lost: Any = await client.eval(_RECORD, 1, LOSSES, life, missing, KEPT_SECONDS)
        self.lost = sum(map(int, lost))
        if missing > 0:
            log.critical("redis.lost", notifications=missing)
            self._known = accepted
        self._book, self._looked = book, accepted
        self._known = max(self._known, accepted)
        self._dropped_from = self._dropped_by = 0


def said(lost: int) -> str:
    """The sentence about a loss."""
    return (
        f"Redis came back without {lost} or more notifications that had been acknowledged; "
        "delete the key receiver:losses when you have dealt with it"
    )
