"""The operators' lists of subscriptions: fetched once for all who ask at the same time."""

import asyncio
from collections.abc import Callable
from typing import Final

from receiver.outbound import NotSent, Unanswered
from receiver.subscriptions.api import Api, ListFailed, Listing

_SAMPLE: Final = 3
"""So many subscriptions that a list lacks are asked for one by one."""


class Lists:
    """The latest list of each base URL."""

    def __init__(self, api: Api, now: Callable[[], float]) -> None:
        self._api = api
        self._now = now
        self._latest: dict[str, Listing] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._alive: dict[str, dict[str, float]] = {}
        """Base URL -> subscription -> since when it is known to be alive."""

    async def fetched_since(self, base: str, when: float) -> Listing | None:
        """Return a list asked for at `when` or later; None where the operator gives none."""
        lock = self._locks.setdefault(base, asyncio.Lock())
        async with lock:
            latest = self._latest.get(base)
            if latest and latest.began >= when:
                return latest
            try:
                self._latest[base] = await self._api.list(base, self._now())
            except (ListFailed, NotSent, Unanswered):
                return None
            return self._latest[base]

    async def is_complete(self, base: str, listing: Listing, delay: float) -> bool:
        """Return whether a list shows all that is alive: some operators show 20 and no next page.

        `delay`: seconds that an operator may take until a list shows a new subscription.
        """
        for each in self.missing(base, listing, delay)[:_SAMPLE]:
            if not await self._api.is_gone(base, each):
                return False
        return True

    def missing(self, base: str, listing: Listing, delay: float) -> list[str]:
        """Return the subscriptions that are known to be alive and that a list does not show."""
        shown = {each.id for each in listing.items}
        return [
            each
            for each, since in self._alive.get(base, {}).items()
            if each not in shown and since + delay < listing.began
        ]

    def forget(self, now: float) -> None:
        """Forget the lists, which may be of a time that is still to come; so may what is alive."""
        self._latest.clear()
        for known in self._alive.values():
            known |= {name: min(since, now) for name, since in known.items()}

    def note_alive(self, base: str, subscription: str) -> None:
        """Record that a subscription is alive."""
        self._alive.setdefault(base, {}).setdefault(subscription, self._now())

    def note_gone(self, base: str, subscription: str) -> None:
        """Record that a subscription has ended."""
        self._alive.get(base, {}).pop(subscription, None)
