"""An HTTP client for one URL: concurrent requests, checked addresses, a deadline for each.

libcurl does them: the deadline is for all of one, the look-up of the name and a dripping answer
among it, and a kept-alive connection that the consumer closed meanwhile is not held against it.
Every address is checked when it is connected to: a name that answers differently the second time
finds nobody (request forgery).
"""

import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Iterator
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import pycurl

from receiver.config.settings import HttpSink
from receiver.runtime.retry_after import retry_after

ANSWER_BYTES: Final = 65_536
"""Bytes read of a response body, so that the connection can be used again."""
KEPT_BYTES: Final = 512
"""Of them those that people get to see."""
CONNECTION_SECONDS: Final = 300
"""The age at which a connection is used no more, however busy: its name may lead elsewhere by then,
and the host that it led to may still answer."""
_SPECIAL: Final = (
    ipaddress.ip_network("192.0.0.0/24"),
    ipaddress.ip_network("168.63.129.16/32"),
)
"""IETF protocol assignments, a cloud's metadata among them, which older Pythons call global; and
where Azure's platform answers its machines (Microsoft Learn, "What is 168.63.129.16")."""
_GLOBAL: Final = ipaddress.ip_network("2000::/3")
"""RFC 4291, section 2.4: what else there is leads to no host on the internet, or hides one."""
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_FIELD: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [^\r\n\0]*").fullmatch
"""RFC 9110 section 5.1 and 5.5; libcurl sends what it is given."""
_UNSAID: Final = ("accept:", "expect:")
"""Fields that libcurl would add."""
_STATUS: Final = re.compile(rb"HTTP/\S+ (\d{3})(?!\d)").match
_TOO_LARGE: Final = 100
"""CURLE_TOO_LARGE, which PycURL has no name for."""
_WHY: Final = {
    pycurl.E_COULDNT_RESOLVE_HOST: "gaierror",
    pycurl.E_FTP_WEIRD_SERVER_REPLY: "HTTPException",
    pycurl.E_GOT_NOTHING: "RemoteDisconnected",
    pycurl.E_OK: "HTTPException",  # it ended within the head
    pycurl.E_PEER_FAILED_VERIFICATION: "SSLError",
    pycurl.E_SSL_CONNECT_ERROR: "SSLError",
    pycurl.E_UNSUPPORTED_PROTOCOL: "BadStatusLine",
    _TOO_LARGE: "HTTPException",
}
"""Names of Python's exceptions for libcurl's errors, as for errors of the system."""
_CERTIFICATE: Final = {0: "another name's", 1: "another name's", 9: "not valid yet", 10: "expired"}
"""What is wrong with a certificate, by OpenSSL's `X509_V_...`; of its name only libcurl knows."""


class Response(NamedTuple):
    """What came back."""

    status: int
    pause: float
    """Seconds that its Retry-After asks for, by the clock of whoever said it; 0 without one."""
    body: bytes
    """Its first `KEPT_BYTES`."""


Reply = Response | str
"""What came back, or why nothing did, without the URL."""


class Endpoint:
    """Send requests to one URL, at most `concurrency` at a time; for one thread."""

    def __init__(self, sink: HttpSink) -> None:
        self._multi: Any = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, sink.concurrency)
        self._free = [_Exchange(sink) for _ in range(sink.concurrency)]
        self._under_way: dict[Any, tuple[Any, _Exchange]] = {}

    def post(self, request: object, body: bytes, headers: dict[str, str]) -> None:
        """Send a request without waiting. Raises `ValueError` for what no header can hold."""
        fields = [_field(name, value) for name, value in headers.items()]
        exchange = self._free.pop()
        exchange.prepare(body, fields)
        self._under_way[exchange.curl] = request, exchange
        self._multi.add_handle(exchange.curl)

    def answers(self, seconds: float) -> list[tuple[Any, Reply]]:
        """Return the requests that ended, with their replies; waits so long for the first."""
        until = time.monotonic() + seconds
        while True:
            self._multi.perform()
            done = list(self._ended())
            left = until - time.monotonic()
            if done or left <= 0:
                return done
            soon = self._multi.timeout() / 1000  # negative: nothing to do without the other side
            self._multi.select(min(left, soon) if soon >= 0 else left)

    def _ended(self) -> Iterator[tuple[Any, Reply]]:
        _, fine, failed = self._multi.info_read()
        for curl, fault, *_ in [*((curl, 0) for curl in fine), *failed]:
            self._multi.remove_handle(curl)
            request, exchange = self._under_way.pop(curl)
            self._free.append(exchange)
            yield request, exchange.reply(fault)


class _Exchange:
    """Run one request after another on one libcurl handle."""

    def __init__(self, sink: HttpSink) -> None:
        self.curl: Any = pycurl.Curl()
        self._sockets: list[socket.socket] = []
        self._seconds = sink.timeout
        for option, value in _options(sink).items():
            self.curl.setopt(option, value)
        self.curl.setopt(pycurl.HEADERFUNCTION, self._head)
        self.curl.setopt(pycurl.WRITEFUNCTION, self._body)
        if not sink.allowed:
            self.curl.setopt(pycurl.OPENSOCKETFUNCTION, self._connect)
        self._clear()

    def prepare(self, body: bytes, fields: list[bytes]) -> None:
        """Prepare a request."""
        self._clear()
        self.curl.setopt(pycurl.POSTFIELDS, body)
        self.curl.setopt(pycurl.HTTPHEADER, [*fields, *_UNSAID])

    def reply(self, fault: int) -> Reply:
        """Return the reply, or why there is none. A received status counts, whatever follows it."""
        while self._sockets:
            self._sockets.pop().close()  # libcurl made its own of them
        if self._answered:
            pause = retry_after(self._retry_after, time.time(), self._date) or 0.0
            return Response(self._status, pause, self._kept)
        if self._forbidden:
            return "the address is private: `allow` in the sink permits it by name"
        if fault == pycurl.E_OPERATION_TIMEDOUT:
            return f"no answer within {self._seconds:g} s{self._unconnected()}"
        system = type(OSError(self.curl.getinfo(pycurl.OS_ERRNO), "")).__name__
        why = f"no answer: {_WHY.get(fault, system)}"
        if fault != pycurl.E_PEER_FAILED_VERIFICATION:
            return why
        verified = self.curl.getinfo(pycurl.SSL_VERIFYRESULT)
        return f"{why}: its certificate is {_CERTIFICATE.get(verified, 'not trusted here')}"

    def _unconnected(self) -> str:
        """Return what a request waited for that had no connection yet."""
        if self.curl.getinfo(pycurl.PRIMARY_IP):
            return ""
        resolved = self.curl.getinfo(pycurl.NAMELOOKUP_TIME)
        return ": not connected" if resolved else ": its name is not resolved"

    def _clear(self) -> None:
        self._answered = self._forbidden = False
        self._status = self._read = 0
        self._retry_after = self._date = ""
        self._kept = b""

    def _head(self, line: bytes) -> None:
        if self._answered:
            return  # a trailer
        if line.startswith(b"HTTP/"):
            found = _STATUS(line)
            self._status = int(found[1]) if found else 0
            self._retry_after = self._date = ""
        elif not line.strip():
            self._answered = self._status >= 200
        elif line[:12].lower() == b"retry-after:":
            self._retry_after = line[12:].decode("latin-1")
        elif line[:5].lower() == b"date:":
            self._date = line[5:].decode("latin-1")

    def _body(self, data: bytes) -> int | None:
        self._read += len(data)
        if len(self._kept) < KEPT_BYTES:
            self._kept += data[: KEPT_BYTES - len(self._kept)]
        return 0 if self._read > ANSWER_BYTES else None  # 0 cuts it

    def _connect(self, _purpose: int, address: Any) -> Any:
        family, kind, protocol, where = address
        self._forbidden = not is_public(str(where[0]))
        if self._forbidden:
            return pycurl.SOCKET_BAD
        self._sockets.append(socket.socket(family, kind, protocol))
        return self._sockets[-1]


def is_public(address: str) -> bool:
    """Return whether an address, or the one embedded in it, is a public one of the internet."""
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner:
            found = inner
        elif found not in _GLOBAL:
            return False
    special = any(found in network for network in _SPECIAL)
    return found.is_global and not found.is_multicast and not special


def _options(sink: HttpSink) -> dict[int, Any]:
    """Return libcurl's options for every request. It follows no redirects unless asked to."""
    trusted = ssl.get_default_verify_paths()  # libcurl brings no certificates of its own
    return {
        pycurl.URL: _url(sink.url),
        pycurl.POST: 1,
        pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
        pycurl.TIMEOUT_MS: int(1000 * sink.timeout),
        pycurl.MAXLIFETIME_CONN: CONNECTION_SECONDS,
        pycurl.NOSIGNAL: 1,
        pycurl.PROXY: "",  # none, whatever the environment says
        pycurl.PATH_AS_IS: 1,
        pycurl.SSLVERSION: pycurl.SSLVERSION_TLSv1_2,
    } | {
        option: path
        for option, path in ((pycurl.CAINFO, trusted.cafile), (pycurl.CAPATH, trusted.capath))
        if path
    }


def _url(url: str) -> str:
    """Return the URL with its host in ASCII (RFC 5890)."""
    host = urlsplit(url).netloc
    return url if host.isascii() else url.replace(host, host.encode("idna").decode(), 1)


def _field(name: str, value: str) -> bytes:
    line = f"{name}: {value}"
    if not _FIELD(line):
        raise ValueError("no header can hold this")
    return line.encode("latin-1") if value else f"{name};".encode()
