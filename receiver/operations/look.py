"""Reading streams page by page for what no index leads to, within a budget."""

from collections.abc import Iterator
from typing import Any, Final

import redis

PAGE: Final = 250
"""Entries of one call: half a millisecond in which the server does nothing else. To look for words
there, in a script, would hold it up four times as long."""
FIRST: Final = 25
"""Entries of the first call: nobody knows yet how large they are."""
BYTES: Final = 1 << 20
"""What the entries of a later call may have, by those before them."""
EVERYTHING: Final = 2**53
SOON: Final = 3_600_000
"""Milliseconds: what belongs to a time is written within that, but for what a spool held."""

Page = list[tuple[str, dict[bytes, bytes]]]
"""Entries: id and fields."""


class Look:
    """Read streams, and know how far that went where the budget ended it."""

    def __init__(self, client: redis.Redis, budget: int = EVERYTHING) -> None:
        self.client = client
        self.reached: dict[str, str] = {}
        """Stream -> the last entry looked at, where there are more that were not."""
        self._budget = budget

    def on(self, stream: str, first: str, words: bytes = b"") -> Iterator[Page]:
        """Yield the pages from an entry or time on; the reader may end early. With `words` only
        entries that have them in a value, so that a page may be empty. Within a budget no further
        than `SOON` after that time. Raises `redis.RedisError`.
        """
        milliseconds = first.strip("(").partition("-")[0]
        soon = (
            int(milliseconds) + SOON if milliseconds and self._budget < EVERYTHING else EVERYTHING
        )
        yield from self._pages(stream, first, words, back=False, until=soon)

    def back(self, stream: str, last: str = "+", words: bytes = b"") -> Iterator[Page]:
        """Yield the pages from an entry or time back, newest first; else as `on`."""
        yield from self._pages(stream, last, words, back=True)

    def _pages(
        self, stream: str, at: str, words: bytes, *, back: bool, until: int = EVERYTHING
    ) -> Iterator[Page]:
        looked_at, count = 0, min(FIRST, PAGE)
        while True:
            page = self._page(stream, at, count, back=back)
            looked_at += len(page)
            yield [one for one in page if _has(one[1], words)] if words else page
            if len(page) < count:
                return
            count = max(1, min(PAGE, BYTES * count // _size(page)))
            last = page[-1][0]
            if looked_at >= self._budget or int(last.partition("-")[0]) > until:
                self.reached[stream] = last
                return
            at = f"({last}"

    def _page(self, stream: str, at: str, count: int, *, back: bool) -> Page:
        found: Any
        if back:
            found = self.client.xrevrange(stream, max=at, count=count)
        else:
            found = self.client.xrange(stream, min=at, count=count)
        return [(entry.decode(), fields) for entry, fields in found]


def _size(page: Page) -> int:
    return 1 + sum(len(value) for _, fields in page for value in fields.values())


def _has(fields: dict[bytes, bytes], words: bytes) -> bool:
    return any(words in value for value in fields.values())
