"""The bodies of Get SMS Delivery Status: AT&T's and GSMA's, JSON and XML, and odd shapes."""

from collections.abc import Sequence
from typing import Any, Final
from xml.sax.saxutils import escape

import msgspec

_ATT: Final = ("DeliveryInfoList", "DeliveryInfo", "Address", "DeliveryStatus", "ResourceUrl")
_GSMA: Final = ("deliveryInfoList", "deliveryInfo", "address", "deliveryStatus", "resourceURL")


def document(
    statuses: Sequence[tuple[str, str]], url: str, *, gsma: bool, xml: bool, shape: str
) -> tuple[bytes, str]:
    """Return body and media type. AT&T's has an id for each address and no `tel:` (Get SMS
    Delivery Status, "JSON").
    """
    names = _GSMA if gsma or shape == "lower_camel" else _ATT
    outer, inner, key_address, key_status, key_url = names
    found: list[dict[str, str]] = []
    for position, (address, status) in enumerate(statuses):
        item = {} if names is _GSMA else {"Id": f"msg{position}"}
        shown = address if names is _GSMA else address.removeprefix("tel:")
        found.append(item | {key_address: shown, key_status: status})
    if xml or shape == "xml":
        items = "".join(f"<{inner}>{_elements(each)}</{inner}>" for each in found)
        body = f"<{outer}>{items}{_elements({key_url: url})}</{outer}>"
        return body.encode(), "application/xml; charset=UTF-8"
    shown_items: Any = found
    if shape == "null":
        shown_items = None
    elif shape == "object" and len(found) == 1:
        shown_items = found[0]
    return msgspec.json.encode({outer: {inner: shown_items, key_url: url}}), "application/json"


def _elements(fields: dict[str, str]) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
