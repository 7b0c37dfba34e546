"""The subscription APIs and the status queries over HTTP."""

import asyncio
import math
import time
from collections import deque
from email.utils import formatdate
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from receiver.simulate.operator import access, answers, creation, devices, dialects, documents
from receiver.simulate.operator.books import Call
from receiver.simulate.operator.dialects import Dialect, Place
from receiver.simulate.operator.operator import Operator
from receiver.simulate.operator.problems import Refused, invalid
from receiver.simulate.operator.subscription import Subscription
from receiver.simulate.operator.tokens import Token
from receiver.simulate.serving import json

_OPERATIONS: Final = {
    ("POST", False): "create",
    ("GET", False): "list",
    ("GET", True): "get",
    ("DELETE", True): "delete",
}
"""Method, and whether the path names a subscription."""
_LARGEST: Final = 65536
_QUERY: Final = dialects.DIALECTS["device-reachability-status-subscriptions", "0.8"]
"""Whose error words and correlator the status queries share."""


class Api:
    """Serves every path below `…/{api}/{version}/`."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator
        self._recent: deque[float] = deque()

    async def answer(self, request: Request) -> Response:
        """Respond to any request."""
        found = dialects.place(request.url.path)
        about = (found.api, found.version) if found else ("", "")
        call = Call(self._operator.clock.now(), _operation(found, request.method), *about)
        form = self._operator.scenario.errors

        async def apply() -> Response:
            try:
                return await self._apply(request, found, call)
            except Refused as refused:
                return answers.refusal(refused, form, self._retry_after(refused))

        answer = await answers.answer(self._operator, request, call, apply, form)
        correlator = request.headers.get("x-correlator")
        if correlator and correlator.isprintable():
            answer.headers["x-correlator"] = correlator
        return answer

    async def _apply(self, request: Request, found: Place | None, call: Call) -> Response:
        operation = call.operation
        if found is None or (operation == "unknown" and request.method in ("GET", "POST")):
            raise Refused(404)
        self._check_rate()
        operator = self._operator
        token = access.admit(request.headers, operator.scenario.authentication, operator.tokens)
        if found.rest != "subscriptions":
            return await self._query(request, found, token)
        dialect = dialects.dialect(found)
        if dialect is None:
            raise Refused(404)
        _check_correlator(request, dialect)
        if operation == "create":
            return await self._create(request, dialect, token, call)
        if operation == "list":
            return self._list(request, dialect, token)
        if operation in ("get", "delete"):
            call.subscription = found.id
            return self._one(dialect, token, found.id, delete=operation == "delete")
        raise Refused(405)

    async def _create(
        self, request: Request, dialect: Dialect, token: Token, call: Call
    ) -> Response:
        operator = self._operator
        limits, now = operator.scenario.limits, operator.clock.now()
        wanted = creation.read(await _body(request), dialect, limits, now)
        access.require_creation(token, dialect, wanted.type)
        found = operator.create(dialect, wanted, token.client, token.device)
        call.subscription = found.id
        settings = operator.scenario.creation
        if settings.event_first and found.last_delivery:
            await asyncio.wait({found.last_delivery})
        if settings.answer == 202:
            return json(202, documents.accepted(found.id, dialect))
        shown = documents.subscription(found, settings)
        answer = json(201, shown)
        answer.headers["location"] = f"{request.url.path.rstrip('/')}/{found.id}"
        return answer

    def _list(self, request: Request, dialect: Dialect, token: Token) -> Response:
        access.require(token, access.manage_scope(dialect, "read"))
        settings, now = self._operator.scenario.list, self._operator.clock.now()
        listed = [
            documents.subscription(
                each, self._operator.scenario.creation, with_device=token.device is None
            )
            for each in self._operator.subscriptions.values()
            if self._shows(each, dialect, token)
            and (now - each.created).total_seconds() >= settings.lag
        ]
        listed = listed[: settings.cap or None]
        if not listed and settings.empty == "404":
            raise Refused(404)
        if not settings.show_query:
            listed = list(map(documents.without_query, listed))
        if settings.form == "pages" or (settings.form == "version" and dialect.pages):
            page = _number(request, "page", 1, 1_000_000)
            per_page = _number(request, "perPage", settings.per_page, 100)
            return json(200, documents.pages(listed, page, per_page))
        return json(200, listed)

    def _one(self, dialect: Dialect, token: Token, name: str, *, delete: bool) -> Response:
        access.require(token, access.manage_scope(dialect, "delete" if delete else "read"))
        operator = self._operator
        found = operator.subscriptions.get(name)
        if found is None or not self._shows(found, dialect, token):
            raise Refused(404)
        if not delete:
            with_device = token.device is None
            return json(
                200,
                documents.subscription(found, operator.scenario.creation, with_device=with_device),
            )
        settings = operator.scenario.deletion
        operator.end(found, "SUBSCRIPTION_DELETED", notify=settings.notify)
        if settings.answer == 202:
            return json(202, documents.accepted(found.id, dialect))
        return Response(status_code=204)

    def _shows(self, found: Subscription, dialect: Dialect, token: Token) -> bool:
        """Return whether a subscription is there for this client, through this version of the API.

        A token that identifies a device sees that device's only; after a 202 nothing is seen
        before it is active (event guide, asynchronous creation).
        """
        unseen = (
            found.status == "ACTIVATION_REQUESTED"
            and self._operator.scenario.creation.answer == 202
        )
        return (
            found.there
            and not unseen
            and found.owner == token.client
            and found.dialect.api == dialect.api
            and token.device in (None, found.device)
        )

    async def _query(self, request: Request, place: Place, token: Token) -> Response:
        if request.method != "POST":
            raise Refused(405)
        _check_correlator(request, _QUERY)
        flat = place.api == "device-status"
        if not flat:
            access.require(token, f"{place.api}:read")
        body = await _body(request)
        if not isinstance(body, dict):
            raise invalid("body", "an object")
        sent = devices.checked(body["device"], "device") if "device" in body else None
        operator = self._operator
        device = operator.devices.state(operator.identified(sent, token.device))
        now, att = operator.clock.now(), place.version == "v1"
        if flat and place.rest == "connectivity":
            return json(200, documents.connectivity_status(device, att=att))
        if flat and place.rest == "roaming":
            return json(200, documents.roaming_status(device, att=att))
        if place.api == "device-reachability-status" and place.rest == "retrieve":
            return json(200, documents.reachability(device, now, place.version))
        if place.api == "device-roaming-status" and place.rest == "retrieve":
            return json(200, documents.roaming(device, now))
        raise Refused(404)

    def _check_rate(self) -> None:
        rate, now = self._operator.scenario.limits.rate, time.monotonic()
        window = max(1.0, 1 / rate) if rate else 1.0
        while self._recent and self._recent[0] <= now - window:
            self._recent.popleft()
        if rate and len(self._recent) >= rate:
            raise Refused(429, retry=window)
        self._recent.append(now)

    def _retry_after(self, refused: Refused) -> str:
        form = self._operator.scenario.limits.retry_after
        if not refused.retry or form == "none":
            return ""
        if form == "date":
            return formatdate(math.ceil(time.time() + refused.retry), usegmt=True)
        return f"{refused.retry:.0f}"


def _operation(found: Place | None, method: str) -> str:
    if found is None:
        return "unknown"
    if found.rest != "subscriptions":
        return "retrieve"
    return _OPERATIONS.get((method, bool(found.id)), "unknown")


def _check_correlator(request: Request, dialect: Dialect) -> None:
    """Check `x-correlator`: a value that does not match is 400 (API Design Guide, x-correlator)."""
    if not dialect.accepts_correlator(request.headers.get("x-correlator", "")):
        raise invalid("x-correlator", "the documented pattern")


async def _body(request: Request) -> Any:
    found = b""
    async for chunk in request.stream():
        found += chunk
        if len(found) > _LARGEST:
            raise invalid("body", f"at most {_LARGEST} bytes")
    try:
        return msgspec.json.decode(found)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise invalid("body", "JSON") from None


def _number(request: Request, name: str, usual: int, most: int) -> int:
    value = request.query_params.get(name, str(usual))
    if not value.isascii() or not value.isdigit() or not 1 <= int(value[:9]) <= most:
        raise invalid(name, f"a number from 1 to {most}")
    return int(value)
