"""The records, the verdict, and what a test may order, for which AT&T has no routes."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from receiver.runtime import redis_errors
from receiver.simulate import control
from receiver.simulate.att_gateway.gateway import Gateway
from receiver.simulate.att_gateway.in_app.mailbox import Item, Part
from receiver.simulate.att_gateway.oauth.tokens import scopes_of
from receiver.simulate.att_gateway.orders import (
    AcceptMessages,
    AddItem,
    AddSent,
    ChangeMailbox,
    ForgetTokens,
    IssueToken,
    Killed,
    Published,
    SetStatus,
)
from receiver.simulate.att_gateway.records import records
from receiver.simulate.att_gateway.scenario import Fault
from receiver.simulate.att_gateway.verdict import Verdict, texts, verdict
from receiver.simulate.reader import StreamReader
from receiver.simulate.serving import json


class Control:
    """The routes below `/_control`, `/_books` and `/_verdict`."""

    def __init__(self, gateway: Gateway, reader: StreamReader | None) -> None:
        self._gateway = gateway
        self._reader = reader

    @property
    def routes(self) -> list[Route]:
        """Return all routes."""
        orders: dict[str, tuple[Any, Any]] = {
            "mo": (AcceptMessages, self._accept),
            "sent": (AddSent, self._add_sent),
            "status": (SetStatus, self._set_status),
            "mailbox": (ChangeMailbox, self._change_mailbox),
            "tokens": (IssueToken, self._issue_token),
            "forget-tokens": (ForgetTokens, self._forget_tokens),
            "killed": (Killed, self._killed),
            "reset": (None, self._reset),
        }
        return [
            Route("/_verdict", self._verdict, methods=["GET"]),
            control.ordered("/_verdict", Published, self._judge),
            *control.routes(self._gateway, partial(records, self._gateway), Fault, orders),
        ]

    async def verdict(self, reader: StreamReader) -> Verdict:
        """Return the verdict by what is on a stream. Raises one of `redis_errors.DOWN`."""
        known = {text for each in self._gateway.handovers.all for text in each.texts}
        published: Counter[str] = Counter()
        async for values in reader.entries():
            published.update(texts(values, known))
        return self._compared(published)

    def _compared(self, published: Counter[str]) -> Verdict:
        inbox = self._gateway.inbox
        return verdict(
            self._gateway.handovers.all,
            published,
            waiting=sum(inbox.waiting.values()),
            expired=len(inbox.expired),
        )

    async def _verdict(self, _request: Request) -> Response:
        if not self._reader:
            message = 'no stream to read: start with --redis-url, or POST {"published": [texts]}'
            return json(409, {"message": message})
        try:
            return json(200, _shown(await self.verdict(self._reader)))
        except redis_errors.DOWN as error:
            return json(503, {"message": f"--redis-url: {error}"})

    def _judge(self, order: Published) -> dict[str, Any]:
        return _shown(self._compared(Counter(order.published)))

    def _accept(self, order: AcceptMessages) -> dict[str, Any]:
        gateway = self._gateway
        inbox, online = gateway.inbox, gateway.online(order.registration)
        for _ in range(order.count):
            gateway.generated += 1
            text = f"Message {gateway.generated:07d}" if order.text is None else order.text
            sender = order.sender or f"tel:+1206555{gateway.generated % 10_000:04d}"
            if online:
                gateway.push_message(online, sender, text)
            else:
                inbox.accept(order.registration, sender, text, generated=order.text is None)
        return {"accepted": order.count, "waiting": inbox.waiting.get(order.registration, 0)}

    def _change_mailbox(self, order: ChangeMailbox) -> dict[str, Any]:
        mailbox, now = self._gateway.mailbox(order.client), self._gateway.clock.now()
        added = [mailbox.add(_item(each, mailbox.subscriber, now)).id for each in order.add]
        for each in order.update:
            mailbox.update(each.id, unread=each.unread, favorite=each.favorite)
        for name in order.delete:
            mailbox.delete(name)
        mailbox.failing |= order.failing
        mailbox.error = mailbox.error or order.error
        if order.drop_index:
            mailbox.drop_index()
        return {"added": added, "state": mailbox.state, "status": mailbox.status}

    def _add_sent(self, order: AddSent) -> dict[str, Any]:
        sent = self._gateway.outbox.add(order.address, order.text, notify=order.notify)
        self._gateway.push_statuses(sent)
        return {"id": sent.id}

    def _set_status(self, order: SetStatus) -> dict[str, Any]:
        outbox = self._gateway.outbox
        changed = outbox.set_status(order.id, order.status, order.address)
        if sent := outbox.sent.get(order.id):
            self._gateway.push_statuses(sent)
        return {"changed": changed}

    def _issue_token(self, order: IssueToken) -> dict[str, Any]:
        scopes, life = scopes_of(order.scope), order.expires_in
        return self._gateway.tokens.issue(order.client, scopes, consent=True, life=life)

    def _forget_tokens(self, order: ForgetTokens) -> dict[str, Any]:
        self._gateway.tokens.forget(refresh=order.refresh)
        return {}

    def _killed(self, order: Killed) -> dict[str, Any]:
        now = datetime.now(UTC)
        ago, ahead = now - timedelta(seconds=1), self._gateway.clock.now() - now
        real = ago if order.at is None else datetime.fromtimestamp(order.at, UTC)
        found = self._gateway.handovers.kill(real + ahead)
        return {"pages": [each.number for each in found]}

    def _reset(self, _order: None) -> dict[str, Any]:
        self._gateway.reset()
        return {}


def _shown(found: Verdict) -> dict[str, Any]:
    return msgspec.structs.asdict(found) | {"faults": found.faults}


def _item(order: AddItem, subscriber: str, now: datetime) -> Item:
    return Item(
        id="",
        sender=order.sender,
        recipients=[subscriber] if order.recipients is None else order.recipients,
        at=now,
        text=order.text,
        subject=order.subject,
        incoming=order.incoming,
        unread=order.unread,
        favorite=order.favorite,
        parts=[
            Part(each.name, each.content_type, each.text.encode()) for each in order.attachments
        ],
        segment=order.segment,
    )
