"""OTLP over HTTP: one request for each batch, repeated where the specification says so.

OpenTelemetry, "OTLP Specification" 1.x, OTLP/HTTP and "Partial Success", and "OTLP Exporter
Configuration". libcurl sends without holding up the threads that answer notifications, and knows
proxies and client certificates.
"""

import gzip
import re
import ssl
import time
import zlib
from collections.abc import Callable, Mapping
from random import uniform
from typing import Any, Final, NamedTuple

import pycurl
import structlog
from opentelemetry.util.re import parse_env_headers

from receiver import __version__
from receiver.runtime.tracing.variables import OTLP, first, number, otlp

log = structlog.get_logger()

PATH: Final = "/v1/traces"
MOST: Final = 64 * 1024
"""Bytes of an answer that are looked at."""
_REJECTED: Final = re.compile(
    rb"\x0a[\x80-\xff]{0,4}[\x00-\x7f]\x08([\x80-\xff]{0,8}[\x00-\x7f])"
).match
"""Finds a varint of how many spans were rejected (`ExportTraceServiceResponse`): the first field of
the first one, and protobuf writes them in order. A number below nought is longer."""
_REPEATED: Final = frozenset({429, 502, 503, 504})
_COMPRESSIONS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "none": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
}


class OtlpHttp:
    """Send requests to the collector that `OTEL_EXPORTER_OTLP_*` name."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Open no connection yet. Raises `ValueError` for what cannot be meant."""
        names = (f"{OTLP}TRACES_TIMEOUT", f"{OTLP}TIMEOUT")
        self._seconds = number(environ, 10.0, *names)
        named = _compression(environ)
        self._compress = _COMPRESSIONS[named]
        self._curl: Any = pycurl.Curl()
        for option, value in _options(environ).items():
            self._curl.setopt(option, value)
        self._curl.setopt(pycurl.HTTPHEADER, _headers(environ, named))
        self._curl.setopt(pycurl.WRITEFUNCTION, self._read)
        self._answer = bytearray()

    def send(self, body: bytes) -> str:
        """Send a request; return why it did not arrive, or nothing."""
        body, until, pause = self._compress(body), time.monotonic() + self._seconds, 1.0
        while True:
            fault = self._once(body, until - time.monotonic())
            if not fault or not fault.again:
                return fault.reason if fault else ""
            wait = max(fault.after, pause * uniform(0.8, 1.2))  # noqa: S311 - no secret
            if time.monotonic() + wait > until:
                return fault.reason
            time.sleep(wait)
            pause *= 2

    def rejected(self) -> int:
        """Return how many spans of the last request the collector rejected, though it took it."""
        return rejected_spans(self._answer)

    def _read(self, part: bytes) -> None:
        """Take a part of the answer; of a long one nobody wants the rest."""
        self._answer += part[: MOST - len(self._answer)]

    def _once(self, body: bytes, seconds: float) -> "_Fault | None":
        self._answer.clear()
        self._curl.setopt(pycurl.POSTFIELDS, body)
        self._curl.setopt(pycurl.TIMEOUT_MS, max(1, int(1000 * seconds)))
        try:
            self._curl.perform()
        except pycurl.error as error:
            code = error.args[0]
            again = code != pycurl.E_PEER_FAILED_VERIFICATION
            return _Fault(f"the collector cannot be reached: curl {code}", again, 0)
        status = self._curl.getinfo(pycurl.RESPONSE_CODE)
        if 200 <= status < 300:
            return None
        after = self._curl.getinfo(pycurl.RETRY_AFTER)
        return _Fault(f"the collector answered {status}", status in _REPEATED, after)


class _Fault(NamedTuple):
    """Hold why a request did not arrive."""

    reason: str
    again: bool
    """Whether it may be repeated."""
    after: float
    """Seconds to wait before that, at least."""


def rejected_spans(answer: bytes | bytearray) -> int:
    """Return how many spans an answer says were rejected; 0 where it says nothing of them, or is no
    such answer.
    """
    found = _REJECTED(answer)
    digits = found[1] if found else b""
    return sum((digit & 0x7F) << (7 * place) for place, digit in enumerate(digits))


def _options(environ: Mapping[str, str]) -> dict[int, Any]:
    """Return libcurl's options for every request."""
    trusted = ssl.get_default_verify_paths()  # libcurl brings no certificates of its own
    own = otlp(environ, "CERTIFICATE")
    base = first(environ, f"{OTLP}ENDPOINT") or "http://localhost:4318"
    url = first(environ, f"{OTLP}TRACES_ENDPOINT") or base.removesuffix("/") + PATH
    options = {
        pycurl.URL: url,
        pycurl.POST: 1,
        pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
        pycurl.NOSIGNAL: 1,
        pycurl.CAINFO: own or trusted.cafile,
        pycurl.CAPATH: "" if own else trusted.capath,
        pycurl.SSLCERT: otlp(environ, "CLIENT_CERTIFICATE"),
        pycurl.SSLKEY: otlp(environ, "CLIENT_KEY"),
        # All others of their kind libcurl reads by itself.
        pycurl.PROXY: "" if url.startswith("https") else first(environ, "http_proxy", "HTTP_PROXY"),
    }
    return {option: value for option, value in options.items() if value}


def _headers(environ: Mapping[str, str], compression: str) -> list[str]:
    headers = {
        "content-type": "application/x-protobuf",
        "user-agent": f"telecom-receiver/{__version__}",
        "expect": "",
    }
    if compression != "none":
        headers["content-encoding"] = compression
    headers |= parse_env_headers(otlp(environ, "HEADERS"), liberal=True)
    lines = [f"{name}: {value}" for name, value in headers.items()]
    if any("\n" in line or "\r" in line for line in lines):
        raise ValueError(f"{OTLP}HEADERS")
    return lines


def _compression(environ: Mapping[str, str]) -> str:
    named = otlp(environ, "COMPRESSION").lower() or "none"
    if named in _COMPRESSIONS:
        return named
    log.warning("traces.setting", reason=f"{OTLP}COMPRESSION is unknown; it is none")
    return "none"
