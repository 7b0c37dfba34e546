"""The HTTP requests of commands: blocking, each sent once, any failure told in one sentence.

httpx2 is imported with the first client: that takes several times as long as all else a command
imports, and most commands send nothing.
"""

import os
from collections.abc import Iterable
from typing import Any

from msgspec import Struct


class Unreachable(Exception):
    """Raised when no response came; the message says why, without the URL."""


class NotConnected(Unreachable):
    """Raised when nobody answers at the address: nothing was sent."""


class Response(Struct, frozen=True):
    """Hold a complete response, whatever its status."""

    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def text(self) -> str:
        """Return the body as text; what is not UTF-8 is replaced."""
        return self.body.decode("utf-8", "replace")


def bearer(token: str) -> bytes:
    """Return the Authorization header of a token, in the octets that the receiver digests."""
    return b"Bearer " + os.fsencode(token)


class BlockingHttp:
    """Send requests over connections that stay open. No redirect is followed, no proxy used."""

    def __init__(self, timeout: float, *, verify: bool = True) -> None:
        """Open no connection yet; `timeout` is seconds for connecting and for each read. Without
        `verify` any certificate is good.
        """
        import httpx2

        self._faults = (httpx2.HTTPError, httpx2.InvalidURL)
        self._no_connection = (httpx2.ConnectError, httpx2.ConnectTimeout)
        self._client = httpx2.Client(
            timeout=timeout,
            verify=verify,
            trust_env=False,
            follow_redirects=False,
            auth=_as_it_is,  # a user in the URL would replace the bearer token
        )
        self._client.headers.clear()  # only what the caller sends

    def request(
        self,
        method: str,
        url: str,
        headers: Iterable[tuple[str, str | bytes]] = (),
        body: bytes | None = None,
    ) -> Response:
        """Send a request and return its answer. Raises `Unreachable`.

        A header's text goes as Latin-1, as a request that was kept had it; octets go as they are.
        """
        pairs = [
            (name.encode("ascii"), value if isinstance(value, bytes) else value.encode("latin-1"))
            for name, value in headers
        ]
        try:
            answer = self._client.request(method, url, headers=pairs, content=body)
        except self._no_connection as error:
            # Of TLS they are too, though somebody answers there.
            kind = Unreachable if "(_ssl.c:" in str(error) else NotConnected
            raise kind(f"Failed to establish a new connection: {error}") from None
        except self._faults as error:
            raise Unreachable(str(error) or type(error).__name__) from None
        return Response(answer.status_code, dict(answer.headers), answer.content)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _as_it_is(request: Any) -> Any:
    return request
