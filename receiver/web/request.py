"""One HTTP request on a carrier's route, as far as it has been read."""

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any, Final

from receiver.auth.bearer import Credential
from receiver.web.responses import Headers

if TYPE_CHECKING:
    from receiver.web.rules import Rules

ADMITTED: Final = "receiver.admitted"
"""Where `connection` says that the request had a valid credential."""


class Request:
    """What the request path works with. `credential` is set once the request has been
    authenticated.
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
        """Where the request path leaves word for whoever keeps the connection."""
        self.method = method
        self.listener = listener
        self.headers = headers
        """Names in lower case, values as sent, in the order sent."""
        self.query = query
        self.body = b""
        self.credential: Credential | None = None
        self.known: bool | None = None
        """What came of looking its credential up; None while that was not needed."""
        self.received = 0
        """When the last byte of the body was in: milliseconds since 1970."""
        self.rules: Rules | None = None
        """What `receiver.toml` said when the request began; it ends by the same."""
        self.trace = ""
        """The context of the request's span; empty where there are no traces."""
        self.span: object = None
        """Belongs to `receiver.web.tracing`."""
