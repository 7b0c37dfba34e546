"""What all API routes share: faults, admission, errors, the records, and the way back."""

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from receiver.simulate.att_gateway import errors
from receiver.simulate.att_gateway.errors import Refused, invalid
from receiver.simulate.att_gateway.faults import Strike
from receiver.simulate.att_gateway.gateway import Gateway
from receiver.simulate.att_gateway.handover import Handover
from receiver.simulate.att_gateway.oauth import access
from receiver.simulate.att_gateway.oauth.tokens import Token
from receiver.simulate.att_gateway.records import Call
from receiver.simulate.att_gateway.scenario import Shape
from receiver.simulate.att_gateway.transfer import Transfer


class Asked(Struct, frozen=True):
    """A request that was admitted."""

    request: Request
    token: Token
    strike: Strike | None
    xml: bool
    """The client wants XML."""
    gsma: bool
    """It asks by GSMA's OneAPI, not by AT&T's own signature."""

    @property
    def path(self) -> dict[str, str]:
        """Return the parts of the path that are named in the route."""
        return {name: str(value) for name, value in self.request.path_params.items()}

    def shape(self, drawn: Shape | None) -> Shape | None:
        """Return the shape that a fault on order wants, else the one that was drawn."""
        return self.strike.shape if self.strike and self.strike.effect == "shape" else drawn

    @property
    def url(self) -> str:
        """Return the address that was asked for, without its query."""
        return str(self.request.url.replace(query=""))


class Given(Struct, frozen=True):
    """An answer, and the record of what it gives away, if it does."""

    response: Response
    handover: Handover | None = None


_NUMBER: Final = re.compile("[0-9]{1,9}")

Act = Callable[[Asked], Awaitable[Given | Response]]


class Api:
    """Makes endpoints of what the routes do."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def endpoint(
        self, route: str, scope: str, act: Act, *, gsma: bool = False
    ) -> Callable[[Request], Awaitable[Response]]:
        """Return an endpoint that admits a request, acts and answers, or lets a fault strike."""

        async def serve(request: Request) -> Response:
            if request.method == "HEAD":  # a framework's GET; it would remove messages unseen
                return Response(b"", 405)
            strike = self._gateway.faults.strike(route)
            xml = _wants_xml(request)
            try:
                if strike and strike.refused:
                    raise strike.refused
                gateway = self._gateway
                token = access.admit(request.headers, scope, gateway.scenario, gateway.tokens)
                found = await act(Asked(request, token, strike, xml, gsma))
                given = found if isinstance(found, Given) else Given(found)
            except Refused as refused:
                body = errors.body(refused, gsma=gsma, xml=xml)
                media = f"application/{'xml' if xml else 'json'}"
                error = Response(body, refused.status, refused.headers, media)
                given = Given(error)
            return self._answer(request, route, strike, given)

        return serve

    def _answer(
        self, request: Request, route: str, strike: Strike | None, given: Given
    ) -> Response:
        effect = strike.effect if strike else ""
        answer: Response = given.response
        if strike or given.handover:
            answer = Transfer(answer, strike, given.handover, self._gateway.handovers)
        status = 0 if effect == "no_answer" else answer.status_code
        now = self._gateway.clock.now()
        call = Call(now, route, request.method, status, effect)
        self._gateway.calls.note(call, f"{route} {status}")
        return answer


def _wants_xml(request: Request) -> bool:
    """Return whether the client prefers XML: by its Accept header, or OneAPI's `resFormat`."""
    if wanted := request.query_params.get("resFormat"):
        return wanted.lower() == "xml"
    accept = request.headers.get("accept", "").lower()
    return "xml" in accept.split(",")[0] and "json" not in accept.split(",")[0]


def read_object(body: bytes) -> dict[str, Any]:
    """Read a JSON object. Raises `Refused`."""
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (ValueError, RecursionError):
        raise invalid("body") from None


def read_member(body: bytes, name: str) -> dict[str, Any]:
    """Read a JSON object that stands in another under a name. Raises `Refused`."""
    found = read_object(body).get(name)
    if not isinstance(found, dict):
        raise invalid(name)
    return found


def number(text: str) -> int | None:
    """Return a whole number of up to nine digits, or None."""
    return int(text) if _NUMBER.fullmatch(text) else None
