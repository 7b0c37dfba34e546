"""A token whose credential is stored, and one that nobody knows."""

import hashlib

import msgspec

from receiver.auth.bearer import Credential, Credentials, Unauthenticated, Undecided

STORED, STRANGE = b"a-stored-token-1", b"a-token-nobody-knows"


def digest(token: bytes) -> bytes:
    return hashlib.sha256(token).hexdigest().encode()


def decided(known: Credentials, token: bytes) -> str:
    """Whom a token is admitted as, else how it is answered."""
    try:
        return known.admit({token}).label
    except Unauthenticated as stranger:
        return f"401 {stranger.reason}"
    except Undecided:
        return "503"


def record(credential: Credential | None = None) -> bytes:
    return msgspec.json.encode(credential or Credential(label="stored"))
