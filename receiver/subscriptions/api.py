"""The four operations of one operator's subscription APIs."""

import contextlib
from collections import defaultdict
from collections.abc import Callable
from functools import cached_property
from typing import Any, Final
from urllib.parse import quote

from msgspec import Struct

from receiver.outbound import Answer, NotSent, OperatorClient, Unanswered
from receiver.subscriptions.api_versions import RemoteSubscription, parse_subscription

_MOST_PAGES: Final = 2000
NOT_THERE: Final = (404, 410)
"""Statuses of an answer to who names a subscription that the operator does not have."""


class Listing(Struct, frozen=True, dict=True):
    """The subscriptions that a list shows. Absence from it proves nothing by itself."""

    began: float
    """When it was asked for, seconds since 1970."""
    items: tuple[RemoteSubscription, ...]

    @cached_property
    def alive(self) -> dict[str, list[RemoteSubscription]]:
        """Return those that live, by the tag of their sink; an empty one has those without."""
        found: defaultdict[str, list[RemoteSubscription]] = defaultdict(list)
        for each in self.items:
            if not each.is_dead:
                found[each.tag].append(each)
        return dict(found)


class ListFailed(Exception):
    """The operator gave no list; the message is the status."""


class Api:
    """The subscription APIs of one operator."""

    def __init__(self, client: OperatorClient) -> None:
        self.client = client

    async def create(
        self, base: str, body: dict[str, Any], check: Callable[[], None] | None = None
    ) -> Answer:
        """Send one POST that creates a subscription; it is never repeated.

        `check` as in `OperatorClient.request`.
        """
        url = f"{base.rstrip('/')}/subscriptions"
        return await self.client.request("POST", url, body, check=check)

    async def get(self, base: str, subscription: str) -> Answer:
        """Send a GET of one subscription, by the operator's id."""
        return await self.client.request("GET", self._url(base, subscription))

    async def is_gone(self, base: str, subscription: str) -> bool:
        """Return whether the operator answers that it does not have a subscription."""
        try:
            return (await self.get(base, subscription)).status in NOT_THERE
        except (NotSent, Unanswered):
            return False

    async def delete(self, base: str, subscription: str) -> Answer:
        """Send a DELETE of one subscription, by the operator's id."""
        return await self.client.request("DELETE", self._url(base, subscription))

    async def discard(self, base: str, subscription: str) -> None:
        """Send a DELETE of one that no slot counts on: what stays, the next search deletes."""
        with contextlib.suppress(NotSent, Unanswered):
            await self.delete(base, subscription)

    async def list(self, base: str, now: float) -> Listing:
        """Fetch the list of all subscriptions, page by page. Raises `ListFailed`.

        Both forms are read: an array, and `{subscriptions, pagination}` (CAMARA's main branch).
        """
        url = f"{base.rstrip('/')}/subscriptions"
        found: dict[str, RemoteSubscription] = {}
        for page in range(1, _MOST_PAGES):
            answer = await self.client.request("GET", url if page == 1 else f"{url}?page={page}")
            document = answer.document
            if page == 1 and answer.status == 404 and answer.code == "NOT_FOUND":
                break  # how some say that there is none; who needs a proof asks for one that lives
            if answer.status != 200:
                raise ListFailed(f"{answer.status} {answer.code}".rstrip())
            items = document.get("subscriptions") if isinstance(document, dict) else document
            if not isinstance(items, list):
                raise ListFailed("200 without a list")
            before, ahead = len(found), answer.seconds_ahead or 0
            parsed = (parse_subscription(each, ahead) for each in items)
            found |= {one.id: one for one in parsed if one}
            last = not isinstance(document, dict) or page >= _pages(document)
            if last or len(found) == before:  # some have but one page, whatever is asked for
                break
        return Listing(now, tuple(found.values()))

    @staticmethod
    def _url(base: str, subscription: str) -> str:
        return f"{base.rstrip('/')}/subscriptions/{quote(subscription, safe='')}"


def _pages(document: dict[str, Any]) -> int:
    pagination = document.get("pagination")
    found = pagination.get("totalPages") if isinstance(pagination, dict) else None
    return found if isinstance(found, int) else 1
