"""A token whose credential is stored, and one that nobody knows."""

import hashlib

import msgspec

from receiver.auth.bearer import Credential

STORED, STRANGE = b"a-stored-token-1", b"a-token-nobody-knows"


def digest(token: bytes) -> bytes:
    return hashlib.sha256(token).hexdigest().encode()


def record(credential: Credential | None = None) -> bytes:
    return msgspec.json.encode(credential or Credential(label="stored"))
