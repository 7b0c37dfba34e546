"""Signing in: a link that is good once and for ten minutes, and the session that it opens.

Neither is stored: Redis has the SHA-256 of each, with the name, the role and the end.
"""

import hashlib
import secrets
import time
from typing import Any, Final, Literal

import msgspec
import redis

from receiver.contract.redis_keys import CONSOLE, CONSOLE_SESSION_SECONDS
from receiver.contract.stored_values import decoded
from receiver.operations import web_address

Role = Literal["viewer", "operator"]
"""A viewer sees no personal data and changes nothing."""

LINK_SECONDS: Final = 600


class Session(msgspec.Struct, frozen=True):
    """Who uses the console."""

    name: str
    role: Role
    ends: int
    """Seconds since 1970."""

    def may(self, role: Role) -> bool:
        """Return whether it may do what needs this role."""
        return role == "viewer" or self.role == "operator"


class Link(msgspec.Struct, frozen=True):
    """What a one-time link stands for."""

    name: str
    role: Role
    then: str = "/"
    """The page that it leads to."""


_decode_session = msgspec.json.Decoder(Session).decode
_decode_link = msgspec.json.Decoder(Link).decode


def make_link(client: redis.Redis, link: Link) -> str:
    """Store a link and return its token. Raises `redis.RedisError`."""
    token = secrets.token_urlsafe(24)
    client.set(_key("link", token), msgspec.json.encode(link), ex=LINK_SECONDS)
    return token


def say_port(client: redis.Redis, port: int) -> None:
    """Store where the console listens, for the links. Raises `redis.RedisError`."""
    client.set(f"{CONSOLE}:port", port)


def said_port(client: redis.Redis) -> int:
    """Return the port of the console that was started last, or 0. Raises `redis.RedisError`."""
    return web_address.port(client, f"{CONSOLE}:port")


def use_link(client: redis.Redis, token: str) -> tuple[Link, str] | None:
    """Use up a link: return it and the token of a new session, or None where it is no good (any
    more). Raises `redis.RedisError`.
    """
    stored: Any = client.get(_key("link", token))
    link = decoded(_decode_link, stored)
    if link is None:
        return None
    name = secrets.token_urlsafe(32)
    session = Session(link.name, link.role, int(time.time()) + CONSOLE_SESSION_SECONDS)
    # The session first: a Redis that takes none would else have used up the link.
    client.set(_key("session", name), msgspec.json.encode(session), ex=CONSOLE_SESSION_SECONDS)
    if not client.delete(_key("link", token)):  # somebody else was faster
        end(client, name)
        return None
    return link, name


def find(client: redis.Redis, token: str) -> Session | None:
    """Return the session of a cookie, or None. Raises `redis.RedisError`."""
    stored: Any = client.get(_key("session", token)) if token else None
    session = decoded(_decode_session, stored)
    return session if session and session.ends > time.time() else None


def end(client: redis.Redis, token: str) -> None:
    """End one session. Raises `redis.RedisError`."""
    client.delete(_key("session", token))


def end_all(client: redis.Redis) -> int:
    """End every session and every unused link; return how many. Raises `redis.RedisError`."""
    keys: Any = [*client.scan_iter(f"{CONSOLE}:session:*"), *client.scan_iter(f"{CONSOLE}:link:*")]
    ended: Any = client.delete(*keys) if keys else 0
    return int(ended)


def _key(kind: str, token: str) -> str:
    return f"{CONSOLE}:{kind}:{hashlib.sha256(token.encode('utf-8', 'replace')).hexdigest()}"
