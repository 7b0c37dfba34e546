"""CloudEvents' web hook handshake (HTTP 1.1 Web Hooks for Event Delivery, section 4): a sender asks
by OPTIONS, unauthenticated, whether it may deliver here. It grants no more than the right to ask:
each delivery still needs its credential.
"""

from receiver.config.settings import Handshake
from receiver.web.responses import Headers


def permission(allowed: Handshake, headers: Headers) -> Headers | None:
    """Return the headers of a grant, or None. Nothing the sender wrote is repeated to it."""
    asked = {value.strip().lower() for name, value in headers if name == b"webhook-request-origin"}
    if len(asked) != 1:
        return None
    for origin in allowed.origins:
        if origin == "*" or origin.lower().encode() in asked:
            rate = "*" if allowed.rate is None else str(allowed.rate)
            return [
                (b"webhook-allowed-origin", origin.encode()),
                (b"webhook-allowed-rate", rate.encode()),
                (b"allow", b"POST, OPTIONS"),
                (b"content-length", b"0"),
            ]
    return None
