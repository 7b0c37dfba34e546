"""What every request to the console passes first, whatever its path: host, origin, size.

It wraps the whole application and never looks at a path, so that no spelling of one goes round it.
"""

import asyncio
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders, State
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY: Final = 64 * 1024
"""Bytes of a form: the console takes no others."""
WITHIN: Final = 10.0
"""Seconds for a whole form to come in."""
SAFE: Final = frozenset({"GET", "HEAD"})

POLICY: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    # With no-referrer Chromium sends `Origin: null` with forms of our own.
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}


class Refused(Exception):
    """Says why a request goes no further: a status and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


_TOO_LARGE: Final = Refused(413, f"A form of at most {MAX_BODY >> 10} KiB is taken.")


class Guard:
    """An ASGI application that lets through only what a browser sends from our own pages."""

    def __init__(self, app: ASGIApp, state: State, port: int, public_url: str) -> None:
        """`state` is what the application's pages share; `public_url` is `RECEIVER_CONSOLE_URL`, as
        browsers name it: empty without a proxy in front.
        """
        self.state = state
        self._app = app
        local = ("127.0.0.1", "localhost", "[::1]")
        self._origins = {f"{host}:{port}": f"http://{host}:{port}" for host in local}
        if port == 80:  # a browser does not say it
            self._origins |= {host: f"http://{host}" for host in local}
        if public_url:
            self._origins[urlsplit(public_url).netloc] = public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request and add the policy's headers to its response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                for name, value in POLICY.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            origin = self._origin(Headers(scope=scope))
            scope["scheme"] = origin.partition(":")[0]  # a proxy in front takes the TLS away
            if scope["method"] not in SAFE:
                _check_origin(Headers(scope=scope), origin)
                receive = await _bounded(Headers(scope=scope), receive)
        except ClientDisconnect:
            return  # of half a form nothing is done
        except Refused as refused:
            answer = PlainTextResponse(refused.sentence + "\n", refused.status)
            await answer(scope, receive, with_policy)
            return
        await self._app(scope, receive, with_policy)

    def _origin(self, headers: Headers) -> str:
        """Return our origin as this request names it. Raises `Refused` for another host."""
        hosts = headers.getlist("host")
        found = self._origins.get(hosts[0].lower()) if len(hosts) == 1 else None
        if found is None:
            raise Refused(
                421,
                "The Host header names no address of this console. It listens on 127.0.0.1; behind "
                "a proxy set RECEIVER_CONSOLE_URL to what people type.",
            )
        return found


def _check_origin(headers: Headers, origin: str) -> None:
    """Raise `Refused` for a request that changes something and comes from another site."""
    site, said = headers.get("sec-fetch-site"), headers.get("origin")
    if site == "same-origin" or (site is None and said == origin):
        return
    if site is not None:
        why = f"Sec-Fetch-Site: {site if site in _SITES else 'unknown'}, and same-origin is wanted"
    elif said is not None:
        why = "Origin is another one than this page's"
    else:
        why = "neither Sec-Fetch-Site nor Origin is there"
    raise Refused(403, f"This form was not sent by a page of this console ({why}).")


_SITES: Final = frozenset({"cross-site", "same-site", "none"})


async def _bounded(headers: Headers, receive: Receive) -> Receive:
    """Read a body of at most `MAX_BODY` bytes and return what hands it on. Raises `Refused` and
    `ClientDisconnect`.
    """
    length = headers.get("content-length", "0")
    if not length.isdecimal() or len(length) > 9 or int(length) > MAX_BODY:
        raise _TOO_LARGE
    try:
        async with asyncio.timeout(WITHIN):
            body = await _collected(receive)
    except TimeoutError:
        raise Refused(408, f"The form was not complete after {WITHIN:.0f} s.") from None
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _collected(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            raise _TOO_LARGE
        if not message.get("more_body"):
            return bytes(body)
