"""Lists in pages, from operators that do not count them well."""

import asyncio
from typing import Any

import msgspec
import pytest

from receiver.outbound import Answer
from receiver.subscriptions.api import Api


class Paging:
    """The client of an operator, and what it was asked for."""

    def __init__(self, pages: list[list[str]], said: object) -> None:
        self.asked = 0
        self._pages = pages
        self._said = said

    async def request(self, _method: str, url: str) -> Answer:
        self.asked += 1
        number = int(url.rpartition("?page=")[2]) if "?page=" in url else 1
        ids = self._pages[min(number, len(self._pages)) - 1]
        body = {"subscriptions": [{"id": each} for each in ids], "pagination": self._said}
        return Answer(status=200, headers={}, body=msgspec.json.encode(body))


@pytest.mark.parametrize(
    ("pages", "total", "ids", "asked"),
    [
        ([["a", "b"], ["c"]], 2, "abc", 2),
        ([["a", "b"]], 1_000_000, "ab", 2),
        ([["a", "b"], ["c"]], 1_000_000, "abc", 3),
        ([["a", "b"], []], 1_000_000, "ab", 2),
        ([[]], 1_000_000, "", 1),
    ],
)
def test_a_list_ends_with_the_page_that_has_nothing_new(
    pages: list[list[str]], total: int, ids: str, asked: int
) -> None:
    client: Any = Paging(pages, {"totalPages": total})
    listing = asyncio.run(Api(client).list("https://api.example.com/v0.9", 0.0))
    assert [each.id for each in listing.items] == list(ids)
    assert client.asked == asked
