"""Whether a host is this machine."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Return whether a host, a name or an address, is this machine's own loopback."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
