"""Errors in AT&T's form (`RequestError`) and in GSMA's (`requestError`), as JSON or XML."""

from typing import Final
from xml.sax.saxutils import escape

import msgspec

_POLICY: Final = "A policy error occurred. For more information on the policy error refer to %1"
_TEXTS: Final = {
    "POL0001": _POLICY,
    "POL0002": "Privacy verification failed for address %1, request is refused",
    "POL0003": "Too many addresses specified in message part %1",
    "POL0013": "Duplicate addresses specified in message part %1",
    "SVC0001": "A service error has occurred. Error code is %1",
    "SVC0002": "Invalid input value for message part %1",
    "SVC0003": "Invalid input value for message part %1, valid values are %2",
    "SVC0004": "No valid addresses provided in message part %1",
    "SVC0283": "Delivery Receipt Notification not supported",
}
"""3GPP TS 29.199-1, 6.1 and 6.2."""
_USUAL: Final = {400: "SVC0002", 401: "POL0001", 403: "POL0001"}


class Refused(Exception):
    """The request gets an error response."""

    def __init__(
        self, status: int, code: str = "", variables: str = "", retry_after: int = 0
    ) -> None:
        """Note what is answered. `variables` takes the place of %1 in the text of the code."""
        self.status = status
        self.code = code or _USUAL.get(status, "SVC0001")
        self.variables = variables
        self.retry_after = retry_after
        super().__init__(self.code)

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers that belong to the status."""
        found = {"retry-after": str(self.retry_after)} if self.retry_after else {}
        if self.status == 401:  # SMS API, Get SMS: "with a WWW-Authenticate HTTP header"
            found["www-authenticate"] = 'Bearer realm="simulated", error="invalid_token"'
        return found


def invalid(part: str) -> Refused:
    """Return the refusal of a value in a request."""
    return Refused(400, "SVC0002", part)


def body(refused: Refused, *, gsma: bool, xml: bool) -> bytes:
    """Return the document of an error; GSMA's has lower camel keys."""
    kind = "PolicyException" if refused.code.startswith("POL") else "ServiceException"
    text = _TEXTS.get(refused.code, _TEXTS["SVC0001"])
    found = {"MessageId": refused.code, "Text": text, "Variables": refused.variables}
    outer = "RequestError"
    if gsma:
        outer, kind = _lower(outer), _lower(kind)
        found = {_lower(name): value for name, value in found.items()}
    if xml:
        inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in found.items())
        return f"<{outer}><{kind}>{inner}</{kind}></{outer}>".encode()
    return msgspec.json.encode({outer: {kind: found}})


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]
