"""Reading streams page by page for what no index leads to, within a budget."""

from collections.abc import Iterator
from typing import Any, Final

import redis

PAGE: Final = 250
EVERYTHING: Final = 2**53

Page = list[tuple[str, dict[bytes, bytes]]]
"""Entries: id and fields."""


class Look:
    """Read streams, and know how far that went where the budget ended it."""

    def __init__(self, client: redis.Redis, budget: int = EVERYTHING) -> None:
        self.client = client
        self.reached: dict[str, str] = {}
        """Stream -> the last entry looked at, where there are more that were not."""
        self._budget = budget

    def on(self, stream: str, first: str) -> Iterator[Page]:
        """Yield the pages from an entry or time on; the reader may end early. Raises
        `redis.RedisError`.
        """
        yield from self._pages(stream, first, back=False)

    def back(self, stream: str, last: str = "+") -> Iterator[Page]:
        """Yield the pages from an entry or time back, newest first; else as `on`."""
        yield from self._pages(stream, last, back=True)

    def _pages(self, stream: str, at: str, *, back: bool) -> Iterator[Page]:
        looked_at = 0
        while page := self._page(stream, at, back=back):
            yield page
            looked_at += len(page)
            if len(page) < PAGE:
                return
            if looked_at >= self._budget:
                self.reached[stream] = page[-1][0]
                return
            at = f"({page[-1][0]}"

    def _page(self, stream: str, at: str, *, back: bool) -> Page:
        found: Any
        if back:
            found = self.client.xrevrange(stream, max=at, count=PAGE)
        else:
            found = self.client.xrange(stream, min=at, count=PAGE)
        return [(entry.decode(), fields) for entry, fields in found]
