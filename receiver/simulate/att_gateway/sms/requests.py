"""Reads a Send SMS request: JSON, form or XML, with AT&T's bounds (Send SMS, "Considerations")."""

import html
import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from msgspec import Struct

from receiver.simulate.att_gateway.api import read_object
from receiver.simulate.att_gateway.errors import Refused, invalid

_MOST_RECIPIENTS: Final = 10
_LONGEST: Final = 4096
_ADDRESS: Final = re.compile(r"(?:tel:|short:)?\+?\d{3,15}")


class SendRequest(Struct, frozen=True):
    """A message to be sent."""

    addresses: list[str]
    message: str
    notify: bool
    sender: str = ""


def read_send(body: bytes, media_type: str) -> SendRequest:
    """Read a request. Raises `Refused`."""
    fields = _fields(body, media_type)
    addresses = [unquote(each).strip() for each in _flat(fields.get("address", []))]
    if not addresses or not all(_ADDRESS.fullmatch(each) for each in addresses):
        raise Refused(400, "SVC0004", "address")
    if len(addresses) > _MOST_RECIPIENTS:
        raise Refused(403, "POL0003", "address")
    if len(set(addresses)) < len(addresses):
        raise Refused(403, "POL0013", "address")
    message = (fields.get("message") or [""])[0]
    if not isinstance(message, str) or not 0 < len(message) <= _LONGEST:
        raise invalid("message")
    notify = str((fields.get("notifydeliverystatus") or [""])[0]).lower() == "true"
    sender = str((fields.get("senderaddress") or [""])[0])
    return SendRequest(addresses, message, notify, sender)


def _fields(body: bytes, media_type: str) -> dict[str, list[Any]]:
    """Return values by key in lower case."""
    text = body.decode("utf-8", "replace")
    found: dict[str, list[Any]] = {}
    if media_type == "application/x-www-form-urlencoded":
        pairs: Iterable[tuple[str, Any]] = parse_qsl(text, keep_blank_values=True)
    elif "xml" in media_type:
        pairs = [
            (name, html.unescape(value))
            for name, value in re.findall(r"<(\w+)>([^<]*)</\1>", text, re.IGNORECASE)
        ]
    else:
        pairs = _json(body)
    for name, value in pairs:
        found.setdefault(name.lower(), []).append(value)
    return found


def _json(body: bytes) -> Iterable[tuple[str, Any]]:
    found = {name.lower(): value for name, value in read_object(body).items()}
    inner = found.get("outboundsmsrequest")
    if not isinstance(inner, dict):
        raise invalid("outboundSMSRequest")
    return inner.items()


def _flat(values: Iterable[Any]) -> list[str]:
    """Return single addresses: they come as a list, or as one text with commas."""
    found: list[str] = []
    for value in values:
        for text in value if isinstance(value, list) else [value]:
            found += [each for each in str(text).split(",") if each.strip()]
    return found
