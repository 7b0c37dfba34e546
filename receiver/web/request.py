"""One HTTP request on a carrier's route, as far as it has been read."""

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any, Final

from receiver.auth.bearer import Credential
from receiver.web.responses import Headers

if TYPE_CHECKING:
    from receiver.web.rules import Rules

ADMITTED: Final = "receiver.admitted"
"""The key of `Request.connection` that says that the request had a valid credential."""


class Request:
    """One request, and what the request path finds out about it: `credential` is set once it has
    been authenticated.
    """

    __slots__ = (
        *("body", "connection", "credential", "headers", "known", "listener"),
        *("method", "query", "received", "rules", "span", "trace"),
    )

    def __init__(
        self,
        method: str,
        listener: str,
        headers: Headers,
        query: bytes,
        connection: MutableMapping[str, Any],
    ) -> None:
        self.connection = connection
        """What the request path tells the connection: `ADMITTED`."""
        self.method = method
        self.listener = listener
        self.headers = headers
        """Names in lower case, values as sent, in the order sent."""
        self.query = query
        self.body = b""
        self.credential: Credential | None = None
        self.known: bool | None = None
        """Whether the look-up of its credential was answered; None while none was needed."""
        self.received = 0
        """When the last byte of the body was in: milliseconds since 1970."""
        self.rules: Rules | None = None
        """What `receiver.toml` said when the request began; it ends by the same."""
        self.trace = ""
        """The context of the request's span; empty where there are no traces."""
        self.span: object = None
        """Belongs to `receiver.web.tracing`."""
