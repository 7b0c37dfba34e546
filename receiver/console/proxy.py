"""Who somebody is by the word of a proxy in front, which has asked already."""

import ipaddress
import time
from typing import Final

from starlette.requests import Request

from receiver.config.console import UNIX
from receiver.console.sessions import Role, Session

NAME: Final = "x-forwarded-user"
ROLE: Final = "x-forwarded-role"


def session(request: Request, peers: tuple[str, ...]) -> Session | None:
    """Return the session that a trusted proxy's headers name; None from anybody else.

    `peers` are addresses, networks, or `unix` for whoever connects to a unix socket. Without a role
    it is a viewer's; with two names, of which one may have come in, nobody's.
    """
    names = request.headers.getlist(NAME)
    name = _in_utf8(names[0]).strip()[:64] if len(names) == 1 else ""
    if not (peers and name and _trusted(request, peers)):
        return None
    role: Role = "operator" if request.headers.getlist(ROLE) == ["operator"] else "viewer"
    return Session(name, role, int(time.time()) + 60)


def _in_utf8(value: str) -> str:
    """Return a header's value in UTF-8, where its octets are; Starlette reads them as Latin-1."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeDecodeError:
        return value


def _trusted(request: Request, peers: tuple[str, ...]) -> bool:
    if request.client is None or not request.client.host:
        return UNIX in peers
    try:
        address = ipaddress.ip_address(request.client.host)
    except ValueError:
        return False
    networks = (ipaddress.ip_network(peer) for peer in peers if peer != UNIX)
    return any(address in network for network in networks)
