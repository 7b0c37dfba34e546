"""Lists of subscriptions, one for all who ask at the same time, and whether one is complete."""

import asyncio
from collections.abc import Callable
from typing import Final

from receiver.outbound import NotSent, Unanswered
from receiver.subscriptions.api import Api, ListFailed, Listing

_ASKED: Final = 3
"""Subscriptions that are missing from a list and asked for one by one."""


class Lists:
    """The latest list of each base URL."""

    def __init__(self, api: Api, now: Callable[[], float]) -> None:
        self._api = api
        self._now = now
        self._latest: dict[str, Listing] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self.alive: dict[str, dict[str, float]] = {}
        """Base URL -> subscription -> since when it is known to live."""

    async def since(self, base: str, when: float) -> Listing | None:
        """Return a list that was asked for at this time or later; None where there is none."""
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

    async def is_complete(self, base: str, listing: Listing, settled: float) -> bool:
        """Return whether a list shows all that surely lives: some show 20 without a word.

        `settled` seconds are what an operator may take until a list shows a new one.
        """
        shown = {each.id for each in listing.seen}
        known = self.alive.get(base, {})
        missing = [
            each
            for each, since in known.items()
            if each not in shown and since + settled < listing.began
        ]
        for each in missing[:_ASKED]:
            try:
                answer = await self._api.get(base, each)
            except (NotSent, Unanswered):
                return False
            if answer.status != 404:
                return False
            known.pop(each, None)
        return True

    def lives(self, base: str, subscription: str) -> None:
        """Note that one was seen alive."""
        self.alive.setdefault(base, {}).setdefault(subscription, self._now())

    def ended(self, base: str, subscription: str) -> None:
        """Note that one is gone."""
        self.alive.get(base, {}).pop(subscription, None)
