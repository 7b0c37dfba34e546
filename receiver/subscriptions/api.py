"""The four operations of one operator's subscription APIs."""

from typing import Any, Final
from urllib.parse import quote

from msgspec import Struct

from receiver.outbound import Answer, OperatorClient
from receiver.subscriptions.wire import Seen, subscription

_MOST_PAGES: Final = 2000


class Listing(Struct, frozen=True):
    """What a list shows. That something is not in it proves nothing by itself."""

    began: float
    seen: tuple[Seen, ...]


class ListFailed(Exception):
    """There is no list; the message is the status."""


class Api:
    """One operator."""

    def __init__(self, client: OperatorClient) -> None:
        self.client = client

    async def create(self, base: str, body: dict[str, Any]) -> Answer:
        """POST a subscription, once."""
        return await self.client.request("POST", f"{base.rstrip('/')}/subscriptions", body)

    async def get(self, base: str, found: str) -> Answer:
        """GET one."""
        return await self.client.request("GET", self._one(base, found))

    async def delete(self, base: str, found: str) -> Answer:
        """DELETE one."""
        return await self.client.request("DELETE", self._one(base, found))

    async def list(self, base: str, now: float) -> Listing:
        """GET all of them, page by page where there are pages. Raises `ListFailed`."""
        url, seen = f"{base.rstrip('/')}/subscriptions", []
        for page in range(1, _MOST_PAGES):
            answer = await self.client.request("GET", url if page == 1 else f"{url}?page={page}")
            document = answer.document
            if answer.status != 200:
                raise ListFailed(f"{answer.status} {answer.code}".rstrip())
            items = document.get("subscriptions") if isinstance(document, dict) else document
            if not isinstance(items, list):
                raise ListFailed("200 without a list")
            seen += [found for found in map(subscription, items) if found]
            if not isinstance(document, dict) or page >= _pages(document):
                break
        return Listing(now, tuple(seen))

    @staticmethod
    def _one(base: str, found: str) -> str:
        return f"{base.rstrip('/')}/subscriptions/{quote(found, safe='')}"


def _pages(document: dict[str, Any]) -> int:
    pagination = document.get("pagination")
    found = pagination.get("totalPages") if isinstance(pagination, dict) else None
    return found if isinstance(found, int) else 1
