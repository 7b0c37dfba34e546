"""Reading streams page by page for what no index leads to, within a budget."""

from collections.abc import Iterator
from typing import Any, Final

import redis

from receiver.runtime import scripts

PAGE: Final = 250
SEARCHED: Final = 500
"""Entries that one call looks at for words: a millisecond in which the server does nothing else."""
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
        self._script = scripts.load(__package__, "look")

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
        looked_at, size = 0, SEARCHED if words else PAGE
        while True:
            read = self._search if words else self._page
            count, last, page = read(stream, at, words, back=back)
            if count:
                yield page
            looked_at += count
            if count < size:
                return
            if looked_at >= self._budget or int(last.partition("-")[0]) > until:
                self.reached[stream] = last
                return
            at = f"({last}"

    def _page(self, stream: str, at: str, _: bytes, *, back: bool) -> tuple[int, str, Page]:
        found: Any
        if back:
            found = self.client.xrevrange(stream, max=at, count=PAGE)
        else:
            found = self.client.xrange(stream, min=at, count=PAGE)
        page = [(entry.decode(), fields) for entry, fields in found]
        return len(page), page[-1][0] if page else "", page

    def _search(self, stream: str, at: str, words: bytes, *, back: bool) -> tuple[int, str, Page]:
        reply: Any = self.client.eval(self._script, 1, stream, words, at, int(back), SEARCHED)
        count, last, found = reply
        return count, last.decode(), [(entry.decode(), _fields(flat)) for entry, flat in found]


def _fields(flat: list[bytes]) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
