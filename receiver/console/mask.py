"""What of a person the console shows: the one place through which values pass before a template.

A number keeps the first digit of its country code and its last two, and gets a tag that is the same
for the same number; a text says only how long it is. What a carrier sent keeps its keys.
"""

import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
import redis

from receiver.carriers.formats.charset import body_text
from receiver.contract.redis_keys import CONSOLE

_NUMBER: Final = re.compile(r"(?:tel:)?\+?[0-9][0-9 ().-]{5,24}").fullmatch
_ADDRESS: Final = re.compile(
    r"^\s*(?:(?:tel|sips?|mailto|im|acr):|\+[0-9 ().-]{6})|(?:\+|%2b)[0-9][0-9().-]{6}", re.I
).search
"""Finds an address, or a number with its country code inside of a URL or an id."""
_CLEAR: Final = frozenset(
    (
        *("specversion", "id", "type", "source", "time", "receivedtime", "receiptid"),
        *("identitybasis", "timebasis", "origintype", "datacontenttype", "dataschema", "sequence"),
        *("subscriptionset", "generation", "subscriptionattempt", "item", "items", "replayed"),
        *("status", "providerstatus", "deliverystatus", "final", "late", "reachable", "roaming"),
        *("connectivity", "countrycode", "direction", "channel", "unread", "favorite", "kind"),
        *("eventtype", "eventtime", "datetime", "terminationreason", "contenttype", "segment"),
        *("messageid", "subscriptionid", "originid", "originsource", "traceparent", "change"),
    )
)
"""Names, in lower case, whose values name nobody. All other values are masked."""


_HEADERS: Final = frozenset(
    (
        *("content-type", "content-length", "content-encoding", "host", "user-agent", "accept"),
        *("ce-specversion", "ce-type", "ce-id", "ce-time", "ce-datacontenttype"),
        *("x-correlator", "traceparent", "date"),
    )
)


class Masks:
    """Masks values with the tags of one installation."""

    clear = False
    """Whether these masks hide nothing."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def number(self, value: str) -> str:
        """Return a number as `+1•••••••42 ·3fa`."""
        digits = re.sub(r"[^0-9]", "", value)
        if not digits:
            return self.text(value)
        shown = f"+{digits[0]}" if "+" in value else ""
        hidden = max(3, len(digits) - 2 - bool(shown))
        last = digits[-2:] if len(digits) > 6 else ""
        tag = hmac.digest(self._key, digits.encode(), "sha256").hex()[:3]
        return f"{shown}{'•' * hidden}{last} ·{tag}"

    def text(self, value: str) -> str:
        """Return how long a text is, and nothing of it."""
        return f"••• {len(value)} characters" if value else ""

    def amount(self, value: int | float) -> Any:
        """Return that there is a JSON number."""
        return "•••"

    def digest(self, text: str) -> str:
        """Return what stands on the audit trail for a text: the same for the same one. Without the
        key nobody finds a number by trying all.
        """
        return hmac.digest(self._key, text.encode("utf-8", "replace"), "sha256").hex()[:12]

    def value(self, value: Any) -> Any:
        """Mask a value whose field says nothing about it."""
        if isinstance(value, Mapping):
            return self.document(value)
        if isinstance(value, list | tuple):
            return [self.value(one) for one in value]
        if isinstance(value, str):
            return self.number(value) if _NUMBER(value) else self.text(value)
        return value if value is None or isinstance(value, bool) else self.amount(value)

    def document(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return a document with all its keys, those masked that are numbers, and only those values
        that name nobody.
        """
        return {
            self._masked_key(str(name)): inner if _is_clear(name, inner) else self.value(inner)
            for name, inner in document.items()
        }

    def keys(self, value: Any) -> Any:
        """Return a value with those keys masked, at any depth, that are numbers."""
        if isinstance(value, Mapping):
            return {self._masked_key(str(name)): self.keys(inner) for name, inner in value.items()}
        return [self.keys(one) for one in value] if isinstance(value, list) else value

    def header(self, name: str, value: str) -> str:
        """Return a header's value where its name is one that says nothing of a person."""
        return value if name.lower() in _HEADERS and _names_nobody(value) else self.text(value)

    def headers(self, found: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the headers of a request, each by its name."""
        return [(name, self.header(name, value)) for name, value in found]

    def body(self, body: bytes) -> str:
        """Return a body as it came: JSON with masked values, of anything else how long it is."""
        try:
            value = self.value(msgspec.json.decode(in_utf8(body)))
            return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return f"••• {len(body)} bytes, no JSON"

    def _masked_key(self, name: str) -> str:
        named = name.isidentifier() or not (_NUMBER(name) or _ADDRESS(name))
        return name if named else self.number(name)


class Unmasked(Masks):
    """Hides nothing: for what somebody reveals, once that is on the audit trail."""

    clear = True

    def __init__(self) -> None:
        super().__init__(b"")

    def number(self, value: str) -> str:
        """Return a number as it is."""
        return value

    def text(self, value: str) -> str:
        """Return a text as it is."""
        return value

    def amount(self, value: int | float) -> Any:
        """Return a number as it is."""
        return value

    def body(self, body: bytes) -> str:
        """Return a body as it is: JSON over lines, anything else as text."""
        text = in_utf8(body)
        try:
            return msgspec.json.format(text, indent=2).decode()
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return text.decode()


def masks(client: redis.Redis) -> Masks:
    """Return the masks of this installation; its key is made once. Raises `redis.RedisError`."""
    key = f"{CONSOLE}:mask-key"
    stored: Any = client.get(key)  # a Redis that is full, or a replica, can still be read
    if stored is None:
        client.set(key, secrets.token_bytes(32), nx=True)
        stored = client.get(key)
    return Masks(stored)


def in_utf8(body: bytes) -> bytes:
    """Return a body as it is where it is UTF-8, else its text in that: AT&T names UCS-2 and Latin-1
    as character sets too.
    """
    try:
        said = "" if b"\0" in body else body.decode()
    except UnicodeDecodeError:
        said = ""
    return body if said else body_text(body).encode()  # whose octets tell what it is in


def _is_clear(name: str, value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return str(name).lower() in _CLEAR and all(map(_names_nobody, values))


def _names_nobody(value: Any) -> bool:
    """Return whether a value is no address of a person's, whatever the name of its field."""
    if isinstance(value, str):
        return not _ADDRESS(value)
    return value is None or isinstance(value, bool | int | float)
