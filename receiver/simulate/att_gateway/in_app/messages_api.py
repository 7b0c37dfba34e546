"""In-App Messaging v2 over HTTP: index, delta, list, get, parts, update, delete, send."""

from email import message_from_bytes
from typing import Any, Final

from starlette.datastructures import QueryParams
from starlette.responses import Response

from receiver.simulate.att_gateway.api import Asked, number, read_member, read_object
from receiver.simulate.att_gateway.errors import Refused, invalid
from receiver.simulate.att_gateway.gateway import Gateway
from receiver.simulate.att_gateway.in_app import documents
from receiver.simulate.att_gateway.in_app.mailbox import Item, Mailbox, Part
from receiver.simulate.serving import json

_MOST_LISTED: Final = 500


class MessagesApi:
    """Serves the mailbox of the subscriber who consented to the token."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    @property
    def _openapi(self) -> bool:
        return self._gateway.scenario.messages.form == "openapi"

    async def index(self, asked: Asked) -> Response:
        """Create the index: 202 without a body; the reconstruction says 200 and its state."""
        mailbox = self._mailbox(asked)
        mailbox.index()
        if self._openapi:
            return json(200, documents.index_info(mailbox, openapi=True))
        return Response(b"", 202)

    async def index_info(self, asked: Asked) -> Response:
        """Say how far the index is."""
        return json(200, documents.index_info(self._mailbox(asked), openapi=self._openapi))

    async def delta(self, asked: Asked) -> Response:
        """Say what has changed since a state. An unknown one, and no index, is a 400."""
        mailbox = self._mailbox(asked)
        if mailbox.status != "INITIALIZED":
            raise Refused(400, "SVC0001", "index")
        mailbox.use()
        changes = mailbox.since(asked.request.query_params.get("state", ""))
        if changes is None:
            raise invalid("state")
        found = documents.delta(changes, mailbox, _base(asked), openapi=self._openapi)
        return json(200, found)

    async def list(self, asked: Asked) -> Response:
        """List messages, the newest first, or those of `messageIds`."""
        mailbox, query = self._mailbox(asked), asked.request.query_params
        limit, offset = _number(query, "limit", 1, _MOST_LISTED), _number(query, "offset", 0)
        ready = mailbox.status == "INITIALIZED"
        if ready:
            mailbox.use()
        found = [each for each in reversed(mailbox.items.values()) if _wanted(each, query)]
        failed: list[str] = []
        if named := query.get("messageIds"):
            names = named.split(",")
            failed = [name for name in names if mailbox.fails(name) or name not in mailbox.items]
            found = [each for each in found if each.id in names and each.id not in failed]
        found = found if ready else []
        page = found[offset : offset + limit]
        document = documents.listed(
            page,
            failed,
            mailbox,
            _base(asked),
            limit=limit,
            offset=offset,
            total=len(found),
            openapi=self._openapi,
        )
        return json(200, document)

    async def get(self, asked: Asked) -> Response:
        """Give one message."""
        item = self._item(asked)
        shown = documents.message(item, _base(asked), openapi=self._openapi)
        return json(200, {"message": shown})

    async def part(self, asked: Asked) -> Response:
        """Give the bytes of an attachment."""
        parts, which = self._item(asked).parts, number(asked.path["part"])
        if which is None or which >= len(parts):
            raise Refused(404, "SVC0002", "partNumber")
        return Response(parts[which].content, media_type=parts[which].media_type)

    async def update(self, asked: Asked) -> Response:
        """Change the flags of one message."""
        item = self._item(asked)
        body = read_member(await asked.request.body(), "message")
        self._mailbox(asked).update(item.id, **_flags(body))
        return json(200, {"id": item.id}) if self._openapi else Response(b"", 204)

    async def update_many(self, asked: Asked) -> Response:
        """Change the flags of several messages; all of them or none."""
        mailbox = self._mailbox(asked)
        changes = read_object(await asked.request.body()).get("messages")
        if not isinstance(changes, list) or not all(isinstance(one, dict) for one in changes):
            raise invalid("messages")
        wanted = [(str(one.get("messageId")), _flags(one)) for one in changes]
        if not {name for name, _ in wanted} <= mailbox.items.keys():
            raise Refused(404, "SVC0002", "messageId")
        for name, flags in wanted:
            mailbox.update(name, **flags)
        return Response(b"", 204)

    async def delete(self, asked: Asked) -> Response:
        """Delete one message."""
        self._mailbox(asked).delete(self._item(asked).id)
        return Response(b"", 204)

    async def delete_many(self, asked: Asked) -> Response:
        """Delete the messages of `messageIds`; without it none: AT&T's Java SDK leaves it out."""
        mailbox = self._mailbox(asked)
        for name in asked.request.query_params.get("messageIds", "").split(","):
            mailbox.delete(name)
        return Response(b"", 204)

    async def send(self, asked: Asked) -> Response:
        """Send as the subscriber. The id is one for tracing, not the message's."""
        body, parts = _sent(await asked.request.body(), asked.request.headers)
        wanted = read_member(body, "messageRequest")
        addresses = wanted.get("addresses")
        addresses = [addresses] if isinstance(addresses, str) else addresses
        if not isinstance(addresses, list) or not addresses or not all(map(_text, addresses)):
            raise Refused(400, "SVC0004", "addresses")
        text, subject = wanted.get("text") or "", wanted.get("subject") or ""
        if not (text or subject or parts) or not isinstance(text, str):
            raise invalid("text")
        mailbox = self._mailbox(asked)
        item = Item(
            id="",
            sender=mailbox.subscriber,
            recipients=addresses,
            at=self._gateway.clock.now(),
            text=text,
            subject=str(subject),
            incoming=False,
            unread=False,
            parts=parts,
        )
        mailbox.add(item)
        trace = f"trace-{item.id}"
        more = {"resourceURL": f"{_base(asked)}/{trace}"} if self._openapi else {}
        return json(201, {"id": trace} | more)

    def _mailbox(self, asked: Asked) -> Mailbox:
        if self._gateway.scenario.messages.require_consent and not asked.token.consent:
            raise Refused(403, "POL0002", asked.token.client)
        return self._gateway.mailbox(asked.token.client)

    def _item(self, asked: Asked) -> Item:
        found = self._mailbox(asked).items.get(asked.path["id"])
        if not found:
            raise Refused(404, "SVC0002", "messageId")
        return found


def _base(asked: Asked) -> str:
    return f"{str(asked.request.base_url).rstrip('/')}/myMessages/v2/messages"


def _number(query: QueryParams, name: str, least: int, most: int = 1_000_000_000) -> int:
    value = query.get(name)
    if value is None:
        return most if name == "limit" else least
    found = number(value)
    if found is None or not least <= found <= most:
        raise invalid(name)
    return found


def _wanted(item: Item, query: QueryParams) -> bool:
    """Return whether a message passes the filters of a list."""
    flags = {"isUnread": item.unread, "isFavorite": item.favorite, "isIncoming": item.incoming}
    for name, value in flags.items():
        if name in query and (query[name].lower() == "true") != value:
            return False
    wanted = query.get("type", "").upper().replace("SMS", "TEXT")
    if wanted and wanted not in item.type:
        return False
    return query.get("keyword", "").lower() in item.text.lower()


def _flags(fields: dict[str, Any]) -> dict[str, bool | None]:
    return {"unread": _flag(fields, "isUnread"), "favorite": _flag(fields, "isFavorite")}


def _flag(fields: dict[str, Any], name: str) -> bool | None:
    """Return a flag; AT&T's PHP SDK sends it as a text."""
    value = fields.get(name)
    if value is None or isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    raise invalid(name)


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _sent(body: bytes, headers: Any) -> tuple[bytes, list[Part]]:
    """Return the JSON and the attachments of a request that may have several parts."""
    kind = headers.get("content-type", "")
    if not kind.lower().startswith("multipart/"):
        return body, []
    whole = message_from_bytes(b"content-type: " + kind.encode() + b"\r\n\r\n" + body)
    found: Any = whole.get_payload() if whole.is_multipart() else []
    if not found:
        raise invalid("body")
    first, *rest = found
    return _content(first), [
        Part(each.get_filename("part"), each.get_content_type(), _content(each)) for each in rest
    ]


def _content(part: Any) -> bytes:
    return part.get_payload(decode=True) or b""
