"""Sending one HTTP request, once: a deadline for all of it, a cap on the answer, no redirects, TLS.

httpx2's own timeouts are for one read each: a server that sends a byte now and then would hold a
request for ever.
"""

import asyncio
import contextlib
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final

import httpx2

from receiver import __version__
from receiver.config.operators import url_fault
from receiver.outbound.answers import Answer, NotSent, Unanswered

_BEGUN: Final = "send_request_headers.started"
_HEADERS: Final = {
    "user-agent": f"telecom-receiver/{__version__}",
    "accept": "application/json",
    # A cap on bytes is none if a kilobyte of them can become a gigabyte.
    "accept-encoding": "identity",
}


class BadUrl(ValueError):
    """The URL is none that requests may go to; the message says what is wanted, without the URL."""


def check_url(url: str) -> None:
    """Raise `BadUrl` unless it is https, or http to this machine, and carries no credentials."""
    if wrong := url_fault(url):
        raise BadUrl(wrong)


def open_client(
    limits: httpx2.Limits, timeout: httpx2.Timeout | float, **headers: str
) -> httpx2.AsyncClient:
    """Return a client without cookies, redirects or proxies (as for sinks), or anybody's .netrc."""
    return httpx2.AsyncClient(
        headers=_HEADERS | headers,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
        trust_env=False,
        timeout=timeout,
        limits=limits,
    )


class HttpClient:
    """Connections to one operator. Close it when it is no longer needed."""

    def __init__(
        self,
        *,
        deadline: float = 30.0,
        most_bytes: int = 8 * 1024 * 1024,
        connections: int = 4,
        keep_alive: bool = True,
    ) -> None:
        """`deadline` seconds for a request and its whole answer, of at most `most_bytes`.

        Without `keep_alive` each request has a connection of its own: none is sent into one that
        the server is just closing.
        """
        self._deadline = deadline
        self._most_bytes = most_bytes
        kept = connections if keep_alive else 0
        limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=kept)
        self._client = open_client(limits, deadline)

    async def send(
        self, method: str, url: str, *, headers: dict[str, str], content: bytes | None = None
    ) -> Answer:
        """Send a request, once. Raises `BadUrl`, `NotSent` or `Unanswered`."""
        check_url(url)
        begun = _Begun()
        try:
            async with asyncio.timeout(self._deadline):
                return await self._exchange(method, url, headers, content, begun)
        except (TimeoutError, httpx2.TimeoutException):
            raise begun.fault(f"no answer within {self._deadline:g} s") from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise begun.fault(_said(error)) from None

    async def _exchange(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        content: bytes | None,
        begun: "_Begun",
    ) -> Answer:
        async with self._client.stream(
            method, url, headers=headers, content=content, extensions={"trace": begun.trace}
        ) as response:
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > self._most_bytes:
                    raise Unanswered(f"the answer has more than {self._most_bytes} bytes")
            # `multi_items` would keep repeats apart; of what we read, none may be repeated.
            named = {name.lower(): value for name, value in response.headers.items()}
            return Answer(status=response.status_code, headers=named, body=bytes(body))

    async def close(self) -> None:
        """Close its connections."""
        with contextlib.suppress(httpx2.HTTPError):
            await self._client.aclose()


class _Begun:
    """Whether the first byte of a request may have left."""

    def __init__(self) -> None:
        self._sent = False

    async def trace(self, event: str, _info: dict[str, Any]) -> None:
        """Note that the request has begun to be sent (httpx2's callback for each step)."""
        self._sent = self._sent or event.endswith(_BEGUN)

    def fault(self, said: str) -> NotSent | Unanswered:
        """Return the exception for a request that has no answer."""
        return Unanswered(said) if self._sent else NotSent(said)


def connection_fault(error: httpx2.ConnectError) -> str:
    """Say why no connection was made, in words of ours: httpx2's may repeat the URL."""
    tls = "certificate" in str(error).lower() or "ssl" in str(error).lower()
    return "TLS failed" if tls else "no connection"


def _said(error: Exception) -> str:
    """Say what failed, in words of ours: httpx2's may repeat the URL."""
    if isinstance(error, httpx2.ConnectError):
        return connection_fault(error)
    words: dict[type[Exception], str] = {
        httpx2.RemoteProtocolError: "the connection ended before the whole answer",
        httpx2.ReadError: "the connection was reset",
        httpx2.WriteError: "the connection was reset",
    }
    return words.get(type(error), type(error).__name__)
