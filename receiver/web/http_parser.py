"""The corrections to uvicorn's HTTP parsing: offers of other protocols are ignored, bytes after a
body are no header, and pipelined requests are limited.
"""

from collections import deque
from math import inf
from typing import Any, Final

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

AHEAD: Final = 64
"""Requests that may be sent ahead of their responses, per connection; further ones need another
connection (RFC 9112, section 9.3.2). Each takes a hundred times the memory of the shortest head."""
FIELDS: Final = 256
"""Fields that a head may have: each takes some hundred bytes, also an empty one."""
_TRAILERS: Final[Any] = deque(maxlen=0)
"""Takes the fields that follow a body in chunks, and keeps none: they are no headers (RFC 9110,
section 6.5.1), and might hold a credential."""


class Parsing(HttpToolsProtocol):
    """Parses the bytes of one connection into requests."""

    fed = 0
    """Bytes that came after the last part of a body that is waited for."""
    idle_since = inf
    """When the last response was sent, by the loop; infinite while a request is on its way."""
    _offer = b""
    """The head of a request that offers another protocol, without the offer."""

    def feed(self, data: bytes | memoryview) -> None:
        """Parse bytes; what is not HTTP gets a 400."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.send_400_response(str(error))
        except httptools.HttpParserUpgrade as offer:
            self._pass_over(memoryview(data)[offer.args[0] :])

    def _pass_over(self, rest: memoryview) -> None:
        """Read the same request as one that offers no other protocol. The parser took the offer
        for accepted and stopped behind the head; clients that speak HTTP/2 make such an offer with
        their first request, and RFC 9110, section 7.8 lets a server pass over it.
        """
        head, self._offer = self._offer, b""
        if not head:  # CONNECT: what follows is for somebody else, so no request may begin there
            self.cycle.keep_alive = False
            return
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
        self.feed(head)
        self.feed(rest)

    def on_headers_complete(self) -> None:
        """Count one more request; one too many ends the parsing, and the connection after the last
        response. So does a head of too many fields.
        """
        if len(self.pipeline) >= AHEAD or len(self.headers) > FIELDS:
            raise ValueError
        if self.parser.should_upgrade() and (method := self.parser.get_method()) != b"CONNECT":
            version = self.parser.get_http_version().encode()
            fields = [b"%b: %b\r\n" % one for one in self.headers if one[0] != b"upgrade"]
            self._offer = b"%b %b HTTP/%b\r\n%b\r\n" % (
                method, self.url, version, b"".join(fields),
            )  # fmt: skip
            return
        if self.expect_100_continue and self.parser.get_http_version() == "1.0":
            self.expect_100_continue = False  # he would take it for the answer (RFC 9110, 10.1.1)
        super().on_headers_complete()
        self.headers = _TRAILERS

    def on_body(self, body: bytes) -> None:
        """Add a part of a body; what comes after an early response is dropped."""
        cycle = self.cycle
        if cycle.response_complete:
            return
        if not cycle.response_started:
            self.fed = 0
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        """Expect a head next, also after a body whose response came before its end."""
        if self._offer:
            return
        self.cycle.more_body = False
        self.cycle.message_event.set()
        if not self.parser.should_keep_alive():  # a trailer said so, and it reads no further
            self.cycle.keep_alive = False


def is_discarded(cycle: RequestResponseCycle) -> bool:
    """Return whether to discard what comes in unparsed: a body in chunks whose response has begun.
    Only the parser finds its end, but many small chunks cost it a hundred times what large ones do.
    """
    headers = cycle.scope["headers"] if cycle.response_started else ()
    return any(name == b"transfer-encoding" for name, _ in headers)
