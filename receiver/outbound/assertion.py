"""A client's signed assertion, for `private_key_jwt` (RFC 7523, 2.2; OpenID Connect Core, 9)."""

import json
import time
import uuid
from typing import Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey, import_key
from msgspec import Struct

_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LIVES: Final = 240
"""Seconds. CAMARA's profile r4.2 allows 300, and clocks differ."""
_ALGORITHMS: Final = {"RSA": "RS256", "P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
"""By kind of key, where the key does not say."""


class PrivateKey(Struct, frozen=True):
    """A key that assertions are signed with."""

    key: ECKey | RSAKey
    algorithm: str
    id: str

    def proof(self, client: str, audience: str) -> dict[str, str]:
        """Return the fields of one token request that say who asks."""
        return {
            "client_assertion_type": _TYPE,
            "client_assertion": self.sign(client, audience),
        }

    def sign(self, client: str, audience: str) -> str:
        """Return a new assertion, good for one request."""
        now = int(time.time())
        header = {"alg": self.algorithm} | ({"kid": self.id} if self.id else {})
        claims = {
            "iss": client,
            "sub": client,
            "aud": audience,
            "jti": uuid.uuid4().hex,
            "iat": now,
            "exp": now + _LIVES,
        }
        return jwt.encode(header, claims, self.key, algorithms=[self.algorithm])


def read(text: str, key_id: str = "") -> PrivateKey:
    """Read a private key, PEM or JWK; its `alg` and `kid` count. Raises `ValueError`."""
    try:
        found = import_key(json.loads(text)) if text.lstrip()[:1] == "{" else _from_pem(text)
    except (JoseError, ValueError, TypeError, RecursionError):
        found = None
    if not isinstance(found, ECKey | RSAKey) or not found.is_private:
        raise ValueError("private_key_jwt: a private RSA or EC key, PEM or JWK, is wanted")
    kind = found.curve_name if isinstance(found, ECKey) else "RSA"
    algorithm = str(found.get("alg") or _ALGORITHMS.get(kind, ""))
    if not algorithm:
        raise ValueError(f"private_key_jwt: a key on {', '.join(_ALGORITHMS)} is wanted")
    return PrivateKey(found, algorithm, key_id or str(found.get("kid") or ""))


def _from_pem(text: str) -> ECKey | RSAKey:
    try:
        return ECKey.import_key(text)
    except JoseError:
        return RSAKey.import_key(text)
