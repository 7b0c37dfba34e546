"""Notices another receiver that subscribes for the same devices under the same URL of ours.

To each of the two the other's subscriptions are what its Redis has lost, and it replaces them, for
ever. But what Redis has lost is there when a controller begins its work; what comes later, and for
the same slot again and again, somebody else makes.
"""

from typing import Final

import structlog

from receiver.subscriptions.store import Store

log = structlog.get_logger()

_MOST: Final = 1
"""Later ones for one slot, until it is said: a list that is capped may show late what was lost."""


class Strangers:
    """Subscriptions for our slots that have the tag of an attempt which Redis does not have."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.begin()

    def begin(self) -> None:
        """Begin anew: Redis may have lost its data."""
        self._searched = False
        self._lost: set[str] = set()
        self._later: dict[str, tuple[int, str]] = {}
        """Slot -> how many came later, and the last of them."""

    def end_search(self) -> None:
        """Take for lost by Redis what was noted until now, and nothing that is noted later."""
        self._searched = True

    async def note(self, slot: str, subscription: str) -> None:
        """Note one for the device and type of a slot; store when another receiver makes them."""
        if not self._searched:
            self._lost.add(subscription)
        if subscription in self._lost:
            return
        number, last = self._later.get(slot, (0, ""))
        number += last != subscription
        self._later[slot] = number, subscription
        if number > _MOST:
            log.error("subscriptions.url_shared", operator=self._store.operator, slot=slot)
            await self._store.write_state("shared", int(self._store.now()))
