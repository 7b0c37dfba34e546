"""What commands need to start: settings, a Redis client, and checks that refuse to start."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import click
import msgspec
import redis
import structlog

from receiver.cli.up import embedded_valkey
from receiver.config import settings as settings_module
from receiver.config import unknown_variables
from receiver.config.settings import Settings, SettingsError
from receiver.contract.redis_keys import CREDENTIALS
from receiver.runtime import hangup, logs, redis_client, redis_errors
from receiver.runtime.full_redis_client import FullRedisClient

_URL_FILE: Final = "redis-url"
AT_THE_START: Final = 1.0
"""Seconds for one command of a check before a process serves: a Redis that hangs is checked later,
and may not keep a web process from its spool meanwhile."""


class Refused(click.ClickException):
    """Raised to end a command that cannot do what was asked: a sentence on stderr, exit code 2."""

    exit_code = 2

    def show(self, file: object = None) -> None:
        """Print the sentence."""
        click.echo(f"receiver: {self.message}", err=True)


@contextmanager
def refused(*faults: type[Exception]) -> Iterator[None]:
    """Raise `Refused` in place of these faults, with what they say."""
    try:
        yield
    except faults as error:
        raise Refused(str(error)) from None


def settings(*, file: bool = True) -> Settings:
    """Load the settings. Raises `Refused`.

    Without `file` they have no listeners and sinks, and a broken `receiver.toml` is no obstacle.
    """
    with refused(SettingsError):
        return settings_module.load(os.environ, file=file)


def settings_for_process(name: str) -> Settings:
    """Load the settings of `receiver web`, `worker` or `poll`. Raises `Refused` without
    `REDIS_URL`; to `poll` the embedded server is as good.
    """
    hangup.listen()
    found = settings()
    url = _known_url(found) if name == "poll" else found.redis_url
    if not url:
        raise Refused(
            f"REDIS_URL is not set: `receiver {name}` needs a Redis of yours, such as "
            "REDIS_URL=redis://localhost:6379/0 (`receiver up` brings one along)"
        )
    return msgspec.structs.replace(found, redis_url=url)


def redis_url(found: Settings) -> str:
    """Return `REDIS_URL`, or else the URL of the embedded server. Raises `Refused` without one."""
    if url := _known_url(found):
        return url
    raise Refused(
        f"which Redis? REDIS_URL is not set and there is no {found.data_dir / _URL_FILE}: start "
        "`receiver up`, or set REDIS_URL (or RECEIVER_DATA_DIR, if `receiver up` runs elsewhere)"
    )


def _known_url(found: Settings) -> str:
    """Return `REDIS_URL`, or else the URL of the embedded server; empty where there is neither.
    Raises `Refused` where that may not be read.
    """
    file = found.data_dir / _URL_FILE
    try:
        return found.redis_url or embedded_valkey.read_url(file)
    except NotADirectoryError:
        return ""
    except OSError as error:
        raise Refused(
            f"which Redis? REDIS_URL is not set, and {file}: {error.strerror}; run this as the "
            "user who runs `receiver up`, or set REDIS_URL"
        ) from None


def connect(url: str, *, when_full: bool = False, within: float = 5.0) -> redis.Redis:
    """Create a client whose commands have `within` seconds each; with `when_full` a full server
    takes all of them, for what makes room there. Raises `Refused` for a malformed URL.
    """
    kind = FullRedisClient if when_full else redis.Redis
    try:
        return redis_client.client(url, timeout=within, kind=kind)
    except ValueError as error:
        raise Refused(f"REDIS_URL: {error}") from None


def client_of(found: Settings, *, when_full: bool = False) -> redis.Redis:
    """Create a client, as `connect` does. Raises `Refused` where the settings name no Redis."""
    return connect(redis_url(found), when_full=when_full)


def refuse_without_credential(found: Settings, url: str) -> None:
    """Raise `Refused` if no credential is set. A Redis that is away may hold one, and the
    controllers make one for each subscription: go on.
    """
    if found.bearer_digests or found.subscriptions:
        return
    try:
        with connect(url, within=AT_THE_START) as client:
            known: Any = client.hlen(CREDENTIALS)
    except redis.RedisError:
        return
    if not known:
        raise Refused(
            "no credential is set, so nobody could send anything: set RECEIVER_BEARER_TOKENS, "
            "to the output of `openssl rand -hex 32` for example (`receiver up --demo` makes one)"
        )


def begin_log(found: Settings) -> None:
    """Configure the log of a process, and log what is wrong and keeps it from nothing. Raises
    `Refused` for a Redis Cluster, for a server that is too old, and for one that `REDIS_URL` asks
    for what it has not.
    """
    logs.configure(found.log_level)
    log_unknown_variables()
    _log_missing_rights(found.redis_url or "")


def _log_missing_rights(url: str) -> None:
    """Log which rights the Redis user lacks; a Redis that is unreachable is not checked."""
    from receiver.runtime import redis_rights

    try:
        with connect(url, within=AT_THE_START) as client:
            lacks = redis_rights.lacking(client)
    except redis.RedisError as error:
        if fault := redis_errors.address_fault(error):
            raise Refused(f"REDIS_URL: a server answers, but {fault}") from None
        return
    except redis_rights.Cluster:
        raise Refused(
            "REDIS_URL: this is a Redis Cluster, which does not fit: what belongs together lies on "
            "several servers there. One server is wanted, with replicas and Sentinel if you like"
        ) from None
    except redis_rights.TooOld as version:
        raise Refused(
            f"REDIS_URL: this server is version {version}, which is too old: nothing would be "
            "published. Redis 7.0, Valkey 7.2 or later is wanted"
        ) from None
    if lacks:
        fix = "docs/security.md, What the Redis user needs"
        structlog.get_logger().error("redis.rights", lacks=", ".join(lacks), fix=fix)


def log_unknown_variables() -> None:
    """Log each variable that looks like a setting of ours and that nothing reads."""
    for name, hint in unknown_variables.unknown(os.environ):
        structlog.get_logger().warning("settings.unknown", variable=name, hint=hint)


def refuse_weak_redis(found: Settings) -> None:
    """Raise `Refused` if Redis may lose data and `RECEIVER_DURABILITY=strict` is set.

    A Redis that is unreachable is checked later, when it answers.
    """
    if found.durability != "strict":
        return
    from receiver.health import durability

    info: Any = {}
    try:
        with connect(found.redis_url or "", within=AT_THE_START) as client:
            with suppress(redis.ResponseError):
                info = client.info("persistence")
            config = durability.settings_of(client)
    except redis.RedisError:
        return
    incomplete = durability.AppendOnlyLog().incomplete(info)
    if weak := durability.weaknesses(config, log_incomplete=incomplete):
        raise Refused("RECEIVER_DURABILITY=strict, and of this Redis " + "; ".join(weak))


def redis_fault(error: Exception) -> Refused:
    """Return what ends a command where Redis refuses or does not answer: every command that raises
    `redis.RedisError` ends so.
    """
    return Refused(f"Redis: {redis_errors.message(error)}; `receiver doctor` says what to do")


def refuse_unwritable_spool(found: Settings) -> None:
    """Raise `Refused` if the spool cannot be written."""
    if not found.spool_dir:
        return
    from receiver.intake.spool import location

    with refused(SettingsError):
        location.refuse_unwritable(found.spool_dir)


def base_url(found: Settings) -> str:
    """Return the URL at which this machine reaches the web process."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(found.host, found.host)  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host else host}:{found.port}"


def refuse_taken_port(found: Settings, otherwise: str = "set another PORT or HOST") -> None:
    """Raise `Refused` if nothing can listen on `HOST` and `PORT`, or nobody could know where;
    `otherwise`: what to do then.
    """
    if not found.port:
        wanted = "a whole number from 1 to 65535 is wanted here (`receiver up` finds a free port)"
        raise Refused(f"PORT=0: {wanted}")
    if why := port_fault(found.host, found.port):
        host = found.host if found.host.isprintable() else ascii(found.host)
        raise Refused(f"HOST={host} PORT={found.port}: {why}; {otherwise}")


def port_fault(host: str, port: int) -> str:
    """Return why nothing can listen on host and port; empty if something can."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except UnicodeError:
        return "that is no name"
    except OSError as error:
        return error.strerror or str(error)
    return ""
