"""How an operator asks the Redis in use with `redis-cli`, as the remedies of findings have it.

`redis-cli -u` knows `redis://` and `rediss://` only, and none of the options after a `?`; to it a
password without a name before it is that of a user without a name, which no server has. No password
is shown: `redis-cli` asks for it.
"""

import shlex
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import redis

from receiver.doctor.unreachable_redis import ASK
from receiver.runtime import redis_errors

_FILES: Final = {"ssl_ca_certs": "--cacert", "ssl_certfile": "--cert", "ssl_keyfile": "--key"}
"""Option of ours -> that of `redis-cli`."""

Node = tuple[str, int]


def of_embedded(url_file: Path) -> str:
    """Return the command for the server of `receiver up`, whose address is in a file."""
    return f'redis-cli -u "$(cat {shlex.quote(str(url_file))})" --user default '


def of(url: str, master: Node | None) -> str:
    """Return the command for the server of a valid `REDIS_URL`, with a blank at its end; behind
    Sentinel for its `master`, or for the first of the sentinels where that is not known.
    """
    parts, said = urlsplit(url), dict(parse_qsl(urlsplit(url).query))
    tls = ["--tls"] * parts.scheme.startswith("rediss+") + _tls(said)
    if parts.scheme in ("redis", "rediss"):
        who = ["--user", said.get("username", "default")] * parts.netloc.startswith(":")
        return f"{ASK}{shlex.join(words)} " if (words := who + tls) else ASK
    if parts.scheme == "unix":
        where = ["-s", unquote(parts.path), *_numbered(said.get("db", ""))]
        words = [*where, *_who(parts.netloc, said)]
    elif master:
        number = parts.path.strip("/").partition("/")[2]
        words = [*_at(master), *tls, *_numbered(number), *_who(parts.netloc, said)]
    else:
        words = [*_at(_first(parts.netloc)), *tls]
    return shlex.join(["redis-cli", *words]) + " "


def master_of(client: redis.Redis) -> Node | None:
    """Return where the master is now; None without Sentinel, or where it does not say."""
    pool: Any = client.connection_pool
    if not hasattr(pool, "get_master_address"):
        return None
    try:
        found: Node = pool.get_master_address()
    except redis_errors.DOWN:
        return None
    return found


def _at(node: Node) -> list[str]:
    return ["-h", node[0], "-p", str(node[1])]


def _numbered(database: str) -> list[str]:
    return ["-n", database] if database not in ("", "0") else []


def _tls(said: dict[str, str]) -> list[str]:
    words = [word for name, to in _FILES.items() if name in said for word in (to, said[name])]
    return [*words, "--insecure"] if said.get("ssl_cert_reqs") == "none" else words


def _first(netloc: str) -> Node:
    first = urlsplit("//" + netloc.rpartition("@")[2].split(",")[0])
    return first.hostname or "", first.port or 26379


def _who(netloc: str, said: dict[str, str]) -> list[str]:
    user, _, password = netloc.rpartition("@")[0].partition(":")
    name = unquote(user) or said.get("username", "")
    asked = ["--askpass"] if password or "password" in said else []
    return (["--user", name] if name else []) + asked
