"""Connections to Redis, of every process: any kind of address, finite waits, no own retries.

redis-py 8 repeats every command ten times by default, writes included; whoever holds an idempotency
key repeats, nobody else does.

Behind Sentinel the address names the sentinels and the master, and every new connection asks where
the master is now:

    redis+sentinel://[[user]:password@]host[:port],host[:port].../master-name[/db][?option=...]

User and password are those of the Redis servers; the sentinels' own are the options
`sentinel_username` and `sentinel_password`. `rediss+sentinel` speaks TLS with both. Otherwise an
address may have those options of redis-py's that say where a server is and who asks (`OPEN`). The
others would take the place of the time limits, repeats and decoding that the promises rest on:
they are refused.
"""

import os
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import redis
import redis.asyncio
import redis.asyncio.sentinel
import redis.sentinel
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.driver_info import DriverInfo
from redis.exceptions import RedisError
from redis.retry import Retry

from receiver.runtime import moving_connection

ANSWER_WITHIN: Final = 0.6
"""Seconds for one command of the web process, or one connection: a third of an answer."""
SENTINEL_WITHIN: Final = 0.15
"""Seconds for one sentinel: three of them fit into the time for one connection."""

CONNECTIONS: Final = 4
"""Commands of one event loop's client that may be under way at the same time."""

SCHEMES: Final = ("redis://", "rediss://", "unix://", "redis+sentinel://", "rediss+sentinel://")

OPEN: Final = ("db", "username", "password", "client_name", "socket_keepalive")
"""Options of any address; besides them `ssl_...`, and the sentinels' own."""
_OURS: Final = (
    *("socket_timeout", "socket_connect_timeout", "timeout", "health_check_interval"),
    *("retry", "retry_on_timeout", "retry_on_error", "max_connections", "socket_read_size"),
    *("protocol", "legacy_responses", "decode_responses", "encoding", "encoding_errors"),
    *("parser_class", "connection_class"),
)
"""What people copy from other projects: worth its name in the refusal."""

_SOCKET_PATH: Final = 107
"""Bytes of a path that a system can connect to."""
_DRIVER: Final = DriverInfo()
"""What a connection says it is. Without it redis-py reads its version from the disk for each."""


def fault(url: str) -> str:
    """Return what is wrong with a Redis URL, without connecting; empty where nothing is.

    Shows nothing of the address, for a password may stand where a port should.
    """
    if not url.startswith(SCHEMES):
        return "an address such as redis://host:6379/0, rediss:// or unix:// is wanted"
    sentinel, wrong = "+sentinel:" in url, "host:port is wanted (in a password, / is %2F, # is %23)"
    try:
        parts = urlsplit(url)
        for host in parts.netloc.rpartition("@")[2].split(","):
            _node(host)
        if sentinel and not (parts.netloc and parts.path.strip("/").partition("/")[0]):
            return "redis+sentinel://host:26379,host:26379/master-name/0 is wanted"
        if parts.scheme == "unix" and not parts.path.strip("/"):
            return "the path of a socket is wanted at the end, as in unix:///run/redis.sock"
        if parts.scheme == "unix" and len(os.fsencode(unquote(parts.path))) > _SOCKET_PATH:
            return f"the path of a socket may have {_SOCKET_PATH} bytes at most"
        database = parts.path.split("/")[2 if sentinel else 1 :]
        if parts.scheme != "unix" and "".join(database) and not "".join(database).isdecimal():
            return "the number of a database is wanted at the end, as in redis://host:6379/0"
        if closed := _closed(parts.query, sentinel=sentinel):
            return closed
        wrong = "an option after the ? has a value it cannot have"
        client(url).connection_pool.make_connection()
        # This one knows fewer options: no OCSP.
        async_pool(url).make_connection()  # type: ignore[no-untyped-call]
    except TypeError as error:
        return f"an option after the ? is unknown there:{str(error).rpartition('argument')[2]}"
    except (ValueError, RedisError):
        return wrong
    return ""


def _closed(query: str, *, sentinel: bool) -> str:
    """Return why an option of a URL is not allowed; quotes it only if it is certainly an option."""
    names = OPEN + ("sentinel_username", "sentinel_password") * sentinel
    for name, _ in parse_qsl(query, keep_blank_values=True):
        if name in _OURS:
            return f"an option after the ? is not for you to set: {name}"
        if name not in names and not name.startswith("ssl_"):
            return f"an option after the ? is none of {', '.join(names)}, ssl_..."
    return ""


def address(url: str) -> str:
    """Return host and port of a valid Redis URL, for a log line: no user, password or option."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return parts.path
    if "+sentinel:" in url:
        nodes = ",".join(f"{host}:{port}" for host, port in _sentinel(url).nodes)
        return f"{nodes}/{_sentinel(url).master}"
    host = parts.hostname or "localhost"
    return f"[{host}]:{parts.port or 6379}" if ":" in host else f"{host}:{parts.port or 6379}"


class _Sentinel(NamedTuple):
    """Hold the parts of a `redis+sentinel` address."""

    nodes: list[tuple[str, int]]
    master: str
    options: dict[str, Any]
    """For connections to the master."""
    own: dict[str, Any]
    """For connections to the sentinels."""


def client(url: str, *, timeout: float = 5.0, kind: type[redis.Redis] = redis.Redis) -> redis.Redis:
    """Return a blocking client, for threads, whose commands take at most `timeout` seconds each.

    Raises `ValueError` on an address that is none; connects with the first command.
    """
    options: dict[str, Any] = {
        "retry": Retry(NoBackoff(), 0),
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "driver_info": _DRIVER,
    }
    if "+sentinel:" not in url:
        plain = kind.from_url(url, **options)
        moving_connection.use(plain.connection_pool)
        return plain
    found = _sentinel(url)
    sentinel = redis.sentinel.Sentinel(  # type: ignore[no-untyped-call]
        found.nodes,
        sentinel_kwargs=_impatient(found.own, Retry(NoBackoff(), 0)),
        **found.options | options,
    )
    made: redis.Redis = sentinel.master_for(found.master, kind)  # type: ignore[no-untyped-call]
    return made


def async_client(url: str) -> redis.asyncio.Redis:
    """Return a client for the event loop's occasional reads; writes go through the intake.

    One more than `CONNECTIONS` at the same time raises `ConnectionError`, as if Redis were away.
    """
    return redis.asyncio.Redis.from_pool(async_pool(url, max_connections=CONNECTIONS))


def async_pool(url: str, **options: Any) -> redis.asyncio.ConnectionPool:
    """Return a connection pool for the event loop; behind Sentinel each connection goes to the
    current master.
    """
    defaults: dict[str, Any] = {
        "retry": AsyncRetry(NoBackoff(), 0),
        "socket_timeout": ANSWER_WITHIN,
        "socket_connect_timeout": ANSWER_WITHIN,
        "driver_info": _DRIVER,
    }
    options = defaults | options
    if "+sentinel:" not in url:
        pool = redis.asyncio.ConnectionPool.from_url(url, **options)
        moving_connection.use(pool)
        return pool
    found = _sentinel(url)
    own = _impatient(found.own, AsyncRetry(NoBackoff(), 0))
    sentinels = redis.asyncio.sentinel.Sentinel(  # type: ignore[no-untyped-call]
        found.nodes, sentinel_kwargs=own
    )
    return _MasterPool(  # type: ignore[no-untyped-call]
        found.master, sentinels, **found.options | options
    )


class _MasterPool(redis.asyncio.sentinel.SentinelConnectionPool):
    """Close the connections to the sentinels too when it is closed."""

    async def disconnect(self, inuse_connections: bool = True) -> None:
        await super().disconnect(inuse_connections)
        if inuse_connections:  # else it is only a new master's turn
            await self.sentinel_manager.aclose()


def _impatient(own: dict[str, Any], retry: Any) -> dict[str, Any]:
    within = {"socket_timeout": SENTINEL_WITHIN, "socket_connect_timeout": SENTINEL_WITHIN}
    return own | within | {"retry": retry, "driver_info": _DRIVER}


def _sentinel(url: str) -> _Sentinel:
    """Parse a `redis+sentinel` address. Raises `ValueError` without nodes or master name."""
    parts = urlsplit(url)
    user, _, hosts = parts.netloc.rpartition("@")
    nodes = [_node(host) for host in hosts.split(",") if host]
    master, _, database = parts.path.strip("/").partition("/")
    if not nodes or not master:
        raise ValueError("sentinels and a master's name are wanted, as in host:26379,host/name")
    said = dict(parse_qsl(parts.query))
    own: dict[str, Any] = {
        name.removeprefix("sentinel_"): said.pop(name)
        for name in ("sentinel_username", "sentinel_password")
        if name in said
    }
    # The host is only there to make it an address that redis-py reads.
    plain = f"redis://{user}{'@' if user else ''}x/{database}?{urlencode(said)}"
    options: dict[str, Any] = dict(parse_url(plain))  # type: ignore[no-untyped-call]
    del options["host"]
    if parts.scheme == "rediss+sentinel":
        options["ssl"] = own["ssl"] = True
        own |= {name: value for name, value in options.items() if name.startswith("ssl_")}
    return _Sentinel(nodes, unquote(master), options, own)


def _node(text: str) -> tuple[str, int]:
    parsed = urlsplit(f"//{text}")
    return parsed.hostname or "", parsed.port or 26379
