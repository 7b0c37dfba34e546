"""The keys that secrets at rest are encrypted with: `RECEIVER_SECRET_KEYS`.

The first encrypts, all decrypt: a key is replaced by putting a new one before it, and is left out
once everything has been written anew.
"""

import base64
import binascii
from typing import Final

_BYTES: Final = 32
_URL_SAFE: Final = str.maketrans("+/", "-_")


def keys(value: str) -> tuple[str, ...]:
    """Return the keys as Fernet takes them, parted by commas or blanks. Raises `ValueError`, whose
    text has nothing of a key in it.
    """
    return tuple(_key(one) for one in value.replace(",", " ").split())


def _key(text: str) -> str:
    """Return a key as Fernet reads it. Raises `ValueError`. The other alphabet of base64, which
    `openssl` writes, is taken too.
    """
    found = text.translate(_URL_SAFE)
    try:
        octets = base64.b64decode(found, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        octets = b""
    if len(octets) != _BYTES:
        raise ValueError("keys of 32 bytes in base64 are wanted, such as `openssl rand -base64 32`")
    return found
