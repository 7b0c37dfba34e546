"""The OAuth endpoints over HTTP: token, authorize, revoke (OAuth v4; RFC 6749, RFC 7009)."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from receiver.simulate.att_gateway import errors
from receiver.simulate.att_gateway.errors import Refused
from receiver.simulate.att_gateway.gateway import Gateway
from receiver.simulate.att_gateway.records import Call
from receiver.simulate.att_gateway.transfer import Transfer
from receiver.simulate.serving import json
from receiver.simulate.token_endpoint import TokenRefused, basic, read_form


class OAuthApi:
    """Serves `/oauth/v4`."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def token(self, request: Request) -> Response:
        """Respond to a token request."""
        strike = self._gateway.faults.strike("token")
        if strike and strike.refused:
            answer = self._error(_ordered(strike.refused.status), strike.refused.status)
        else:
            answer = await self._form(request, self._gateway.tokens.grant)
        if strike and not strike.refused:
            answer = Transfer(answer, strike)
        status = 0 if strike and strike.effect == "no_answer" else answer.status_code
        self._note(request, "token", status)
        return answer

    async def revoke(self, request: Request) -> Response:
        """Respond to a revocation: 200 with an empty body."""
        answer = await self._form(request, self._gateway.tokens.revoke)
        self._note(request, "revoke", answer.status_code)
        return answer

    async def authorize(self, request: Request) -> Response:
        """Send the browser back with a code, as if the subscriber had consented at once.

        `deny` in the query stands for one who refuses.
        """
        query = request.query_params
        clients = {client.id: client for client in self._gateway.scenario.client}
        client = clients.get(query.get("client_id", ""))
        if not client:
            return self._error(TokenRefused("invalid_client", "no client of this id"))
        where = query.get("redirect_uri") or client.redirect_uri
        if not _is_address(where) or where != (client.redirect_uri or where):
            return self._error(TokenRefused("invalid_request", "the redirect_uri is another"))
        if "deny" in query:
            found = {"error": "access_denied", "error_description": "the subscriber refused"}
        else:
            found = {"code": self._gateway.tokens.authorize(client.id, query.get("scope", ""))}
        if state := query.get("state"):
            found["state"] = state
        self._note(request, "authorize", 302)
        joint = "&" if urlsplit(where).query else "?"
        return RedirectResponse(f"{where}{joint}{urlencode(found)}", 302)

    async def _form(
        self, request: Request, act: Callable[[dict[str, str], tuple[str, str] | None], Any]
    ) -> Response:
        form = await read_form(request)
        try:
            found = act(form, basic(request.headers.get("authorization", "")))
        except TokenRefused as refused:
            return self._error(refused)
        answer = json(200, found) if found is not None else Response(b"", 200)
        answer.headers["cache-control"] = "no-store"
        return answer

    def _error(self, refused: TokenRefused, status: int = 0) -> Response:
        if self._gateway.scenario.gateway.oauth_errors == "request_error":
            status = status or refused.status
            document = errors.body(Refused(status, "", refused.error), gsma=False, xml=False)
            return Response(document, status, media_type="application/json")
        return refused.answer(status)

    def _note(self, request: Request, route: str, status: int) -> None:
        call = Call(self._gateway.clock.now(), route, request.method, status)
        self._gateway.calls.note(call, f"{route} {status}")


def _is_address(text: str) -> bool:
    try:
        return bool(urlsplit(text).scheme)
    except ValueError:
        return False


def _ordered(status: int) -> TokenRefused:
    errors_of = {400: "invalid_request", 401: "invalid_client"}
    return TokenRefused(errors_of.get(status, "temporarily_unavailable"), "an ordered fault")
