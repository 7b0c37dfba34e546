"""One HTTP exchange: to a checked address, over a kept-alive connection, by a deadline.

Where the consumer is, is looked up once per connection and checked on the very address that is then
connected to: a name that answers differently the second time finds nobody (request forgery).
"""

import contextlib
import ipaddress
import socket
import threading
import time
from typing import Any, Final
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, ProtocolError

from receiver.settings import HttpSink

ANSWER_BYTES: Final = 65_536
"""As much of an answer's body is read, so that the connection can be used again."""
TICK: Final = 0.05
_SPECIAL: Final = ipaddress.ip_network("192.0.0.0/24")
"""IETF protocol assignments, a cloud's metadata among them: older Pythons call it global."""
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


class Unanswered(Exception):
    """No answer came; the message says why, without the URL."""


class Forbidden(HTTPError):
    """The consumer's name leads to an address that is not public."""


class _Exchange:
    """What one thread is about."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.overdue = False
        self.reused = False
        self.connection: Any = None
        self.line: Any = None
        """The socket it is on: a connection that is not kept alive lets go of it at the answer."""


class Endpoint:
    """One URL. `post` may be called from many threads."""

    def __init__(self, sink: HttpSink) -> None:
        parts = urlsplit(sink.url)
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._seconds = sink.timeout
        self._deadlines = _Deadlines()
        secure = parts.scheme == "https"
        kind = urllib3.HTTPSConnectionPool if secure else urllib3.HTTPConnectionPool
        base: Any = HTTPSConnection if secure else HTTPConnection
        self._pool: Any = kind(
            parts.hostname or "",
            parts.port,
            maxsize=sink.concurrency,
            timeout=sink.timeout + 1,  # ours comes first, and is the one that says so
        )
        self._pool.ConnectionCls = _checked(base, self._deadlines, allowed=sink.allowed)

    def post(self, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        """Status and `Retry-After`. Raises `Unanswered`.

        A kept-alive connection that the consumer closed meanwhile says nothing about it: the next
        one is tried, a new one in the end.
        """
        exchange = self._deadlines.begin(self._seconds)
        try:
            while True:
                try:
                    return self._once(exchange, body, headers)
                except (HTTPError, OSError):
                    if not exchange.reused or exchange.overdue:
                        raise
        except (HTTPError, OSError, UnicodeError) as error:
            if exchange.overdue or time.monotonic() >= exchange.deadline:
                raise Unanswered(f"no answer within {self._seconds:g} s") from error
            raise Unanswered(_reason(error)) from error
        finally:
            self._deadlines.end()

    def _once(self, exchange: _Exchange, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        response = self._pool.urlopen(
            "POST",
            self._target,
            body,
            headers,
            retries=False,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
        )
        if exchange.overdue:
            response.close()
            raise TimeoutError  # cut within the head, which looks like a short one
        try:
            response.read(ANSWER_BYTES)
            if response.read(1):
                response.close()
        except (HTTPError, OSError, ValueError):  # the last one from a negative chunk size
            response.close()  # the status was there, and it is what counts
        finally:
            response.release_conn()
        return response.status, response.headers.get("retry-after", "")


class _Deadlines:
    """Ends exchanges that take too long, wherever they are: a socket's own timeout begins anew with
    every byte, so a consumer that drips would hold a thread for ever.
    """

    def __init__(self) -> None:
        self._under_way: dict[int, _Exchange] = {}
        threading.Thread(target=self._watch, name="deadlines", daemon=True).start()

    def begin(self, seconds: float) -> _Exchange:
        exchange = _Exchange(time.monotonic() + seconds)
        self._under_way[threading.get_ident()] = exchange
        return exchange

    def mine(self) -> _Exchange:
        return self._under_way[threading.get_ident()]

    def end(self) -> None:
        del self._under_way[threading.get_ident()]

    def _watch(self) -> None:
        while True:
            time.sleep(TICK)
            now = time.monotonic()
            for exchange in list(self._under_way.values()):
                if now > exchange.deadline:
                    exchange.overdue = True
                    _cut(exchange)


def _cut(exchange: _Exchange) -> None:
    """Not `SSLSocket.shutdown`, which would pull its state from under the reading thread."""
    line = getattr(exchange.connection, "sock", None) or exchange.line
    if line is not None:
        with contextlib.suppress(OSError):
            socket.socket.shutdown(line, socket.SHUT_RDWR)


def _checked(base: Any, deadlines: _Deadlines, *, allowed: bool) -> Any:
    """A connection class that connects to the address it has checked, and tells who uses it."""

    class Checked(base):  # type: ignore[misc]
        used = False
        held: list[bytes] | None = None
        sock: Any

        @property
        def is_connected(self) -> bool:
            # Without a look at the socket: what was closed meanwhile shows when it is used, and
            # `post` goes on with the next one.
            return self.sock is not None

        def request(self, *args: Any, **kwargs: Any) -> None:
            exchange = deadlines.mine()
            exchange.connection, exchange.reused = self, self.used
            self.held = []
            super().request(*args, **kwargs)
            held, self.held = self.held, None
            self.send(b"".join(held))
            exchange.line, self.used = self.sock, True

        def send(self, data: Any) -> None:
            if self.held is None:
                super().send(data)
            else:
                self.held.append(data)  # head and body go together: half the system calls

        def _new_conn(self) -> Any:
            exchange = deadlines.mine()
            exchange.connection, exchange.reused, self.used = self, False, False
            return self._connected(exchange.deadline)

        def _connected(self, deadline: float) -> Any:
            found = socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM)
            public = [each for each in found if allowed or is_public(str(each[4][0]))]
            if not public:
                raise Forbidden("the address is private: `allow` in the sink permits it by name")
            error: OSError = OSError()
            for family, kind, protocol, _, address in public:
                self.sock = socket.socket(family, kind, protocol)
                try:
                    self.sock.settimeout(max(0.001, deadline - time.monotonic()))
                    self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self.sock.connect(address)
                    return self.sock
                except OSError as failed:
                    error = failed
                    self.sock.close()
            self.sock = None
            raise error

    return Checked


def is_public(address: str) -> bool:
    """Whether this is the address of a host on the public internet, also where it hides another."""
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner:
            found = inner
    return found.is_global and not found.is_multicast and found not in _SPECIAL


def _reason(error: Exception) -> str:
    if isinstance(error, Forbidden):
        return str(error)
    if isinstance(error, ProtocolError) and isinstance(error.args[-1], Exception):
        error = error.args[-1]
    return f"no answer: {type(error).__name__}"
