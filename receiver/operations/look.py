"""Reading streams: page by page for what no index leads to, within a budget; the newest entry; what
a consumer group was given last.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import redis

PAGE: Final = 250
"""Entries of one call: half a millisecond in which the server does nothing else. To look for words
there, in a script, would hold it up four times as long."""
FIRST: Final = 8
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

    def __init__(self, client: redis.Redis, budget: int = EVERYTHING, *, earlier: int = 0) -> None:
        """`earlier`: entries of a receipt are looked for in so many milliseconds before its time,
        not after it: the clock that gave the receipt was ahead of Redis'.
        """
        self.client = client
        self.reached: dict[str, str] = {}
        """Stream -> the last entry looked at, where there are more that were not."""
        self.earlier = earlier
        self._budget = budget

    def on(self, stream: str, first: str, words: bytes = b"", last: str = "+") -> Iterator[Page]:
        """Yield the pages from an entry or time on, to the last; the reader may end early. With
        `words` only entries that have them in a value, so that a page may be empty. Within a budget
        no further than `SOON` after that time. Raises `redis.RedisError`.
        """
        milliseconds = first.strip("(").partition("-")[0]
        soon = (
            int(milliseconds) + SOON if milliseconds and self._budget < EVERYTHING else EVERYTHING
        )

        def read(at: str, count: int) -> Any:
            return self.client.xrange(stream, min=at, max=last, count=count)

        yield from self._pages(stream, first, words, read, until=soon)

    def all(self, stream: str, first: str = "-", last: str = "+") -> Iterator[Page]:
        """Yield the pages of what is stored now, from an entry or time to another; what is added
        meanwhile is left out. Raises `redis.RedisError`.
        """
        yield from self.on(stream, first, last=newest_entry(self.client, stream, last))

    def back(
        self, stream: str, last: str = "+", words: bytes = b"", first: str = "-"
    ) -> Iterator[Page]:
        """Yield the pages from an entry or time back to the first, newest first; else as `on`."""

        def read(at: str, count: int) -> Any:
            return self.client.xrevrange(stream, max=at, min=first, count=count)

        yield from self._pages(stream, last, words, read)

    def _pages(
        self,
        stream: str,
        at: str,
        words: bytes,
        read: Callable[[str, int], Any],
        until: int = EVERYTHING,
    ) -> Iterator[Page]:
        left, count = self._budget, min(FIRST, PAGE, self._budget)
        while True:
            page = [(entry.decode(), fields) for entry, fields in read(at, count)]
            left -= len(page)
            yield [one for one in page if _has(one[1], words)] if words else page
            if len(page) < count:
                return
            count = min(left, more(count, _size(page)))
            last = page[-1][0]
            if not left or int(last.partition("-")[0]) > until:
                self.reached[stream] = last
                return
            at = f"({last}"


def newest_entry(client: redis.Redis, stream: str, last: str = "+") -> str:
    """Return the newest entry of a stream up to one or a time; `0-0`, which is before every entry,
    where there is none. Raises `redis.RedisError`.
    """
    found: Any = client.xrevrange(stream, max=last, count=1)
    return str(found[0][0].decode()) if found else "0-0"


def last_delivered(client: redis.Redis, stream: str, group: str) -> str | None:
    """Return the entry of a stream that a consumer group was given last; None without such a group.
    Raises `redis.RedisError`, also where there is no stream.
    """
    groups: Any = client.xinfo_groups(stream)
    named = (one for one in groups if one["name"] == group.encode())
    return next((one["last-delivered-id"].decode() for one in named), None)


def more(count: int, size: int, most: int = 0) -> int:
    """Return how many entries to ask for after so many had so many bytes: at most `most`, or
    `PAGE`.
    """
    return max(1, min(most or PAGE, BYTES * count // (1 + size)))


def _size(page: Page) -> int:
    return sum(len(value) for _, fields in page for value in fields.values())


def _has(fields: dict[bytes, bytes], words: bytes) -> bool:
    return any(words in value for value in fields.values())
