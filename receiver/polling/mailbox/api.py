"""In-App Messaging v2 of one mailbox. Each request is sent once, and again only with a new token: a
401, or a 403 that may mean the same, did nothing.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol
from urllib.parse import quote, urlencode

import msgspec

from receiver.carriers.att.body import understand
from receiver.carriers.carrier import Rejected
from receiver.outbound import Action, Answer, NotSent, RequestError, is_passing, request_error
from receiver.outbound.authentication import Authentication
from receiver.polling.mailbox import shapes
from receiver.polling.mailbox.shapes import Delta, IndexInfo, NotUnderstood, Page

_ROOT: Final = "/myMessages/v2"
PAGE: Final = 500
"""Messages a list may have, at most."""
CHUNK: Final = 50
"""Ids in one request: they stand in its URL."""
_AGAIN: Final = frozenset({Action.RENEW, Action.RENEW_THEN_BACK_OFF})
_JSON: Final = {"content-type": "application/json"}


class Sends(Protocol):
    """What sends a request once (`receiver.outbound.http_client.HttpClient`)."""

    async def send(
        self, method: str, url: str, *, headers: dict[str, str], content: bytes | None = None
    ) -> Answer:
        """Return the answer. Raises `NotSent` or `Unanswered`."""


class Refused(Exception):
    """The gateway's answer is no success. The message has its status and code, nothing else."""

    def __init__(self, error: RequestError, retry_after: float | None) -> None:
        self.error, self.retry_after = error, retry_after
        super().__init__(str(error))


class RequestRefused(Refused):
    """A 4xx about what was asked for, not about who asks or how often."""


class NoIndex(Exception):
    """The gateway has listed messages without an index: what is not in the list may be there."""


class Stopping(NotSent):
    """The process is to end: the rest of the round is for the next one."""


class MailboxApi:
    """Requests about one mailbox. All raise `NotSent`, `Unanswered`, `Refused`, `NotUnderstood`."""

    def __init__(
        self,
        base_url: str,
        token: Authentication,
        http: Sends,
        stopping: Callable[[], bool],
    ) -> None:
        """`base_url` such as `https://api.att.com`; nothing is sent once `stopping` says so."""
        self._stopping = stopping
        self._base = base_url.rstrip("/") + _ROOT
        self._token = token
        self._http = http

    async def build_index(self) -> IndexInfo | None:
        """Have the index built; return its state where the answer has it already."""
        answer = await self._ask("POST", "/messages/index")
        try:
            return shapes.index_info(_document(answer))
        except NotUnderstood:
            return None

    async def index(self) -> IndexInfo:
        """Return the state of the index."""
        return shapes.index_info(_document(await self._ask("GET", "/messages/index/info")))

    async def index_if_told(self) -> IndexInfo | None:
        """Return the state of the index; None where the gateway cannot be asked for it."""
        try:
            return await self.index()
        except (NotUnderstood, RequestRefused):
            return None

    async def delta(self, state: str) -> Delta:
        """Return what has changed since a state."""
        return shapes.delta(_document(await self._get("/delta", state=state)))

    async def page(self, offset: int, limit: int = PAGE) -> Page:
        """Return a part of the list of messages, the newest first. Raises `NoIndex`."""
        return await self._list(limit=limit, offset=offset)

    async def some(self, ids: Sequence[str]) -> Page:
        """Return at most `CHUNK` messages by their ids. Raises `NoIndex`."""
        return await self._list(limit=len(ids), offset=0, messageIds=",".join(ids))

    async def message(self, id_: str) -> dict[str, Any]:
        """Return one message."""
        return shapes.message(_document(await self._ask("GET", _path(id_))))

    async def part(self, id_: str, number: int) -> bytes:
        """Return the content of an attachment."""
        return (await self._ask("GET", f"{_path(id_)}/parts/{number}")).body

    async def mark(self, ids: Sequence[str], flags: dict[str, bool]) -> None:
        """Set flags (`isUnread`, `isFavorite`) of messages."""
        if len(ids) == 1:
            await self._ask("PUT", _path(ids[0]), {"message": flags})
        else:
            await self._ask(
                "PUT", "/messages", {"messages": [{"messageId": x, **flags} for x in ids]}
            )

    async def delete(self, ids: Sequence[str]) -> None:
        """Delete messages, which cannot be undone."""
        if len(ids) == 1:
            await self._ask("DELETE", _path(ids[0]))
        else:
            await self._ask("DELETE", f"/messages?{_query(messageIds=','.join(ids))}")

    async def send(self, request: dict[str, Any]) -> str:
        """Send a message; return the id that the gateway gives the request: no messageId."""
        answer = await self._ask("POST", "/messages", {"messageRequest": request})
        found = _document(answer)
        return str(found.get("id", "")) if isinstance(found, dict) else ""

    async def _list(self, **query: Any) -> Page:
        found = shapes.page(_document(await self._get("/messages", **query)))
        if not found.ready:
            raise NoIndex
        return found

    async def _get(self, path: str, **query: Any) -> Answer:
        return await self._ask("GET", f"{path}?{_query(**query)}")

    async def _ask(self, method: str, path: str, document: Any = None) -> Answer:
        if self._stopping():
            raise Stopping("the process is to end")
        content = None if document is None else msgspec.json.encode(document)
        own = await self._token.headers()
        answer = await self._send(method, path, own, content)
        if _is_about_the_token(answer) and await self._token.renew(own):
            own = await self._token.headers()
            answer = await self._send(method, path, own, content)
        if not 200 <= answer.status < 300:
            of_us = answer.status < 400 or answer.status in (401, 403) or is_passing(answer.status)
            kind = Refused if of_us else RequestRefused
            raise kind(request_error.read(answer), answer.retry_after)
        return answer

    async def _send(
        self, method: str, path: str, own: dict[str, str], content: bytes | None
    ) -> Answer:
        headers = own if content is None else own | _JSON
        return await self._http.send(method, self._base + path, headers=headers, content=content)


def _document(answer: Answer) -> Any:
    """Return what an answer says, half an emoji and the like notwithstanding; None for nothing."""
    try:
        return understand(answer.body, answer.headers.get("content-type", ""))[0]
    except Rejected:
        return None


def _is_about_the_token(answer: Answer) -> bool:
    return answer.status >= 400 and request_error.read(answer).action in _AGAIN


def _path(id_: str) -> str:
    return f"/messages/{quote(id_, safe='')}"


def _query(**members: Any) -> str:
    return urlencode(members, quote_via=quote)
