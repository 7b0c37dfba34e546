"""The console's settings: how people reach it, which proxies it trusts, where traces are shown."""

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from receiver.runtime.loopback import is_loopback

TRACE: Final = "{trace}"
"""Where the id of a trace goes in `RECEIVER_TRACE_URL`."""
UNIX: Final = "unix"
"""The peer at the other end of a unix socket."""


def public_url(value: str) -> str:
    """Return `RECEIVER_CONSOLE_URL` without a slash at its end. Raises `ValueError`."""
    parts = urlsplit(value)
    plain = parts.path in ("", "/") and not (parts.query or parts.fragment or parts.username)
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain:
        raise ValueError("an address such as https://console.example.com is wanted, without a path")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("https is wanted: what is shown is personal")
    return value.rstrip("/")


def trace_url(value: str) -> str:
    """Return `RECEIVER_TRACE_URL`: the address of one trace, with `{trace}` where its id goes.
    Raises `ValueError`.
    """
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or value.count(TRACE) != 1:
        raise ValueError("an address such as https://traces.example.com/trace/{trace} is wanted")
    return value


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
