"""The rights that the Redis user needs and lacks; docs/security.md has the whole list.

Each command is tried so that it changes nothing: on a key that is not there, with an argument that
it refuses once it may run, or queued in a transaction that is discarded. (`acl_check_cmd` in a
script would be simpler, and ends Valkey 9.1.2 with a segmentation fault where a subcommand is not
allowed.)
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import redis
from redis.exceptions import ClusterDownError, MovedError, NoPermissionError, ResponseError

_TRIED: Final = """
INFO server | CONFIG GET appendonly | TIME | PING | EVAL return(1) 0 | SCRIPT LOAD return(1)
EVALSHA 0 0 | GET k | SET k v XX | DEL k | UNLINK k | EXISTS k | EXPIRE k 1 | PEXPIRE k 1
PERSIST k | PTTL k | TYPE k | SCAN 0 COUNT 1 | WAIT 0 0
HGET k f | HGETALL k | HMGET k f | HSET k f v f
HDEL k f | HINCRBY k f x | HINCRBYFLOAT k f x | HLEN k | HKEYS k | HVALS k | HEXISTS k f
HSCAN k 0 | SMEMBERS k | SISMEMBER k m | SREM k m | LLEN k | LRANGE k 0 0 | LREM k 1 v
XADD k NOMKSTREAM * f v | XLEN k | XRANGE k - + COUNT 1 | XREVRANGE k + - COUNT 1 | XDEL k 1-1
XTRIM k MAXLEN 1 | XINFO STREAM k | XINFO GROUPS k | XINFO CONSUMERS k g | XPENDING k g
XGROUP CREATE k g 0 | XGROUP SETID k g 0 | XREADGROUP GROUP g c STREAMS k > | XACK k g 1-1
XAUTOCLAIM k g c 0 0 | XCLAIM k g c 0 1-1
ZADD k x m | ZCARD k | ZCOUNT k 0 0 | ZRANGE k 0 0 | ZREVRANGE k 0 0 | ZRANGEBYSCORE k 0 0
ZREM k m | ZREMRANGEBYSCORE k 0 0 | ZREMRANGEBYRANK k 0 0 | ZSCORE k m | ZSCAN k 0
BLMOVE k k LEFT LEFT x
"""
_QUEUED: Final = "INCR k | RPUSH k v | SADD k m | HSETNX k f v"
"""Tried within a transaction that is discarded: nothing but running them tells."""
KEYS: Final = ("receiver:*", "rq:*")


class Cluster(Exception):
    """Raised for a node of a Redis Cluster, which spreads keys; our scripts need them on one."""


class TooOld(Exception):
    """Raised with the version of a server whose streams lack what our scripts ask for."""


def lacking(client: redis.Redis) -> list[str]:
    """Return the commands and key patterns that the Redis user may not use. Raises `Cluster`,
    `TooOld`, `RedisError`.
    """
    tried = _commands(_TRIED)
    found: list[str] = []
    pipe: Any
    with client.pipeline(transaction=False) as pipe:
        for words in tried:
            pipe.execute_command(*words)
        for pattern in KEYS:
            pipe.execute_command("SET", pattern.replace("*", "probe"), "", "XX", "GET")
        replies: Any = pipe.execute(raise_on_error=False)
    info = replies[0] if isinstance(replies[0], dict) else {}
    if "cluster" in (info.get("redis_mode"), info.get("server_mode")):
        raise Cluster
    if version := too_old(info):
        raise TooOld(version)
    for name, reply in zip([*map(_name, tried), *KEYS], replies, strict=True):
        said = str(reply) if isinstance(reply, ResponseError) else ""
        if isinstance(reply, (MovedError, ClusterDownError)):
            raise Cluster
        if "ermission" in said and ("key" in said) == (name in KEYS):
            found.append(name)
    return found + _lacking_in_transactions(client)


def too_old(info: Mapping[str, Any]) -> str:
    """Return the version of a server before Redis 7.0 and Valkey 7.2, whose streams do not count
    how far behind a group is; empty for a later one, and for one that says none.
    """
    valkey = info.get("valkey_version")
    version, wanted = (valkey, (7, 2)) if valkey else (info.get("redis_version", ""), (7, 0))
    found = re.match(r"(\d+)\.(\d+)", str(version))
    return str(version) if found and (int(found[1]), int(found[2])) < wanted else ""


def _lacking_in_transactions(client: redis.Redis) -> list[str]:
    """Return the commands that may not be queued; `MULTI` where no transaction may begin."""
    found = []
    with client.client() as line:  # type: ignore[no-untyped-call]
        try:
            line.execute_command("MULTI")
        except NoPermissionError:
            return ["MULTI"]
        for words in _commands(_QUEUED):
            try:
                line.execute_command(*words)
            except NoPermissionError as error:
                if "key" not in str(error):
                    found.append(words[0])
        line.execute_command("DISCARD")
    return found


def _commands(text: str) -> list[list[str]]:
    found = [line.split() for part in text.splitlines() for line in part.split("|") if line.strip()]
    return [["receiver:probe" if word == "k" else word for word in words] for words in found]


def _name(words: list[str]) -> str:
    """Return the name of a command: `XINFO GROUPS` with its subcommand, but `GET` alone."""
    with_sub = words[0] in ("CONFIG", "SCRIPT", "XINFO", "XGROUP")
    return " ".join(words[: 1 + with_sub])
