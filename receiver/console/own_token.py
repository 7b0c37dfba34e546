"""A token for requests that the console sends to the web process, as a carrier would."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import redis

from receiver.auth import credential_store
from receiver.auth.bearer import Credential

GOOD_FOR: Final = 3600.0
"""Seconds after which it ends by itself, should the console die before it revokes it."""
KNOWN_AFTER: Final = 2.0
"""Seconds in which every web process has read the store again."""


@contextmanager
def own_token(client: redis.Redis) -> Iterator[str]:
    """Add a credential, wait until it is known, and revoke it. Raises `redis.RedisError`."""
    token, now = secrets.token_urlsafe(32), time.time()
    credential = Credential(label="console", expires=now + GOOD_FOR, created=now)
    name = credential_store.add(client, token, credential)
    try:
        time.sleep(KNOWN_AFTER)
        yield token
    finally:
        credential_store.revoke(client, credential_store.find(client, name))
