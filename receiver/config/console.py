"""The console's settings: how people reach it, which proxies it trusts, where traces are shown."""

import ipaddress
from typing import Final
from urllib.parse import SplitResult, urlsplit

from receiver.runtime.loopback import is_loopback

TRACE: Final = "{trace}"
"""Where the id of a trace goes in `RECEIVER_TRACE_URL`."""
UNIX: Final = "unix"
"""The peer at the other end of a unix socket."""
_PORTS: Final = {"http": 80, "https": 443}
"""Scheme -> the port that a browser does not say."""


def public_url(value: str) -> str:
    """Return `RECEIVER_CONSOLE_URL` as browsers name it: in small letters, without the port that
    goes without saying. Raises `ValueError`.
    """
    wanted = "an address such as https://console.example.com is wanted, without a path"
    parts = _parts(value, wanted)
    if parts.path not in ("", "/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(wanted)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValueError("https is wanted: what is shown is personal")
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if parts.port in (None, _PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def trace_url(value: str) -> str:
    """Return `RECEIVER_TRACE_URL`: the address of one trace, with `{trace}` where its id goes.
    Raises `ValueError`.
    """
    wanted = "an address such as https://traces.example.com/trace/{trace} is wanted"
    _parts(value, wanted)
    if value.count(TRACE) != 1:
        raise ValueError(wanted)
    return value


def _parts(value: str, wanted: str) -> SplitResult:
    """Return the parts of an address of a web page. Raises `ValueError` with what is wanted."""
    try:
        parts = urlsplit(value)
        whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        whole = None
    if not whole:
        raise ValueError(wanted)
    return parts


def peers(value: str) -> tuple[str, ...]:
    """Return `RECEIVER_CONSOLE_PROXY`, separated by commas. Raises `ValueError`."""
    found = tuple(one.strip() for one in value.split(",") if one.strip())
    for one in found:
        try:
            if one != UNIX:
                ipaddress.ip_network(one)
        except ValueError:
            raise ValueError(
                "addresses, networks such as 10.0.0.0/8, or unix are wanted, separated by commas"
            ) from None
    return found
