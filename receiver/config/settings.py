"""Environment and `receiver.toml`, read once, into one frozen, checked value.

A bad value raises `SettingsError`: one line that names the variable, the value and what is wanted.
Nothing else in the project reads the environment.
"""

import hashlib
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Annotated, Literal, TypeVar
from zoneinfo import ZoneInfo

import msgspec
import phonenumbers

from receiver.config import (
    bootstrap_tokens,
    config_file,
    console,
    operators,
    polls,
    secret_keys,
    signing_secrets,
    sinks,
    subscription_sets,
)
from receiver.config.operators import Operator
from receiver.config.polls import Poll
from receiver.config.sinks import HttpSink, RedisStreamSink, RqSink, SinkSettings
from receiver.config.subscription_sets import Declared, SubscriptionSet
from receiver.config.toml_errors import explain, line_of
from receiver.runtime import redis_client
from receiver.runtime.tracing.switch import Asked, asked

__all__ = [
    "HttpSink",
    "Listener",
    "Operator",
    "RedisStreamSink",
    "RqSink",
    "Settings",
    "SettingsError",
    "SinkSettings",
    "SubscriptionSet",
    "load",
    "problems",
]

LISTENER_NAME = re.compile(r"[a-z0-9-]{1,64}")
_SIZE = re.compile(r"([0-9]{1,15})\s*(b|kb|mb|gb)?", re.IGNORECASE)
_UNITS = {"": 1, "b": 1, "kb": 1024, "mb": 1024**2, "gb": 1024**3}
HISTORY_PERCENT = 60
"""Of `maxmemory`; above it old history is trimmed. Intake closes above, below
`workers.memory_headroom`'s mark."""

SMALLEST_MEMORY = 24 * 1024**2
"""Bytes of `maxmemory` with which what is accepted until the next look cannot fill the server."""

_SECRET = ("REDIS_URL", "RECEIVER_BEARER_TOKENS", "RECEIVER_SECRET_KEYS")

T = TypeVar("T")


class SettingsError(Exception):
    """A setting is wrong; the message is one line for the operator."""


class Listener(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One registered callback URL of ours."""

    name: str
    zone: str = "UTC"
    """IANA zone for times the carrier sends without one."""
    region: str = "US"
    """ISO 3166 code of the country whose numbers the carrier sends without a country code."""
    repeats: Literal["drop", "publish"] = "drop"
    """Whether what says the same as a notification before it is a duplicate, or an event too."""
    max_per_second: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """Requests that each web process admits for it; None: as many as come."""
    inbox_text: bool = False
    """Whether the texts of messages in subscribers' mailboxes (`/att/messages`) are kept."""


_UNNAMED = Listener(name="")


class Handshake(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is granted the right to send by CloudEvents' web hook handshake: nobody by default."""

    origins: tuple[Annotated[str, msgspec.Meta(pattern=r"^[!-~]+\Z")], ...] = ()
    """Names that senders give themselves in `WebHook-Request-Origin`; `*` stands for any."""
    rate: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """Requests per minute they are granted; None: any number."""


class Reader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A consumer group of the company's own on `receiver:events`."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    share: Annotated[float, msgspec.Meta(gt=0, le=50)] = 20
    """Percent of Redis's `maxmemory` within which its unread events stay when memory is short."""


class ConfigFile(Declared, frozen=True, forbid_unknown_fields=True):
    """What `receiver.toml` may hold."""

    listener: list[Listener] = msgspec.field(default_factory=list)
    sink: list[SinkSettings] = msgspec.field(default_factory=list)
    reader: list[Reader] = msgspec.field(default_factory=list)
    handshake: Handshake = Handshake()
    poll: list[Poll] = msgspec.field(default_factory=list)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings of a process."""

    host: str = "127.0.0.1"
    port: int = 8080
    redis_url: str | None = None
    data_dir: Path = Path("var")
    maxmemory: int = 1024**3
    """Bytes, for the embedded server."""
    bearer_digests: tuple[bytes, ...] = ()
    """SHA-256 of each token in `RECEIVER_BEARER_TOKENS`; the tokens themselves are not kept."""
    full_percent: int = 80
    """Share of Redis's `maxmemory` at which intake closes."""
    max_in_flight: int = 4096
    max_body_bytes: int = 262144
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    durability: Literal["warn", "strict"] = "warn"
    dedupe_hours: int = 73
    web_concurrency: int = 1
    workers: int = 1
    spool_dir: Path | None = None
    spool_bytes: int = 1024**3
    park_dir: Path | None = None
    """Where workers park events of sinks that take too much of Redis's memory."""
    ack_replicas: int = 0
    listeners: tuple[Listener, ...] = ()
    """Empty: every well-formed listener name is one."""
    sinks: tuple[SinkSettings, ...] = ()
    """Empty: events stay on their stream, for readers of the company's own."""
    readers: tuple[Reader, ...] = ()
    """Consumer groups of the company's own whose unread events stay when memory is short."""
    sink_variables: dict[str, str] = {}
    """Those environment variables that the sinks name and that are set."""
    signing_secrets: dict[str, tuple[str, ...]] = {}
    """Environment variable -> the secrets in it (`receiver.config.signing_secrets`)."""
    secret_keys: tuple[str, ...] = ()
    """Of secrets at rest: the first encrypts, all decrypt (`receiver.config.secret_keys`)."""
    handshake: Handshake = Handshake()
    public_url: str = ""
    """Where operators reach the web half, without a path of ours; empty where nothing is
    subscribed to."""
    operators: tuple[Operator, ...] = ()
    subscriptions: tuple[SubscriptionSet, ...] = ()
    operator_variables: dict[str, str] = {}
    """Those environment variables that the operators name and that are set."""
    polls: tuple[Poll, ...] = ()
    """What `receiver poll` fetches."""
    poll_variables: dict[str, str] = {}
    """Those environment variables that the polls name and that are set."""
    console_url: str = ""
    """What people type to reach the console through a proxy; empty where they do not."""
    console_proxy: tuple[str, ...] = ()
    """Peers whose word counts for who somebody is: addresses, networks, or `unix`."""
    traces: Asked = Asked()

    def __repr__(self) -> str:
        """Return a text without addresses, which may carry a password."""
        counts = f"listeners={len(self.listeners)}, sinks={len(self.sinks)}"
        return f"Settings(port={self.port}, {counts}, operators={len(self.operators)})"

    def place(self, listener: str) -> tuple[tzinfo, str]:
        """Return the time zone of a listener's times without a zone, and the region of its national
        numbers.
        """
        named = next((each for each in self.listeners if each.name == listener), _UNNAMED)
        # UTC costs no conversion, as ZoneInfo("UTC") does.
        return UTC if named.zone == "UTC" else ZoneInfo(named.zone), named.region

    @property
    def own_listener(self) -> str:
        """Return the listener for our own samples; empty where the URLs without a listener are
        open.
        """
        names = [one.name for one in self.listeners]
        return "" if not names or "default" in names else names[0]

    def when_full(self, sink: SinkSettings) -> Literal["park", "shed", "hold"]:
        """Return what becomes of a sink's oldest events once they take more than its share."""
        return sink.when_full or ("park" if self.park_dir else "hold")

    def publishes_repeats(self, listener: str) -> bool:
        """Return whether a listener's notifications are published without deduplication."""
        if not self.listeners:  # asked for each notification
            return False
        return any(x.name == listener and x.repeats == "publish" for x in self.listeners)


def load(environ: Mapping[str, str], *, file: bool = True) -> Settings:
    """Read the environment and, if there is one, `receiver.toml`. With `file=False` the file is
    ignored, so that a broken one does not stop commands that need nothing of it. Raises
    `SettingsError`.
    """
    _refuse_quotes(environ)
    config = _config(environ) if file else ConfigFile()
    return Settings(
        host=_read(environ, "HOST", str, "127.0.0.1"),
        port=_read(environ, "PORT", _whole(0, 65535), 8080),
        redis_url=_read(environ, "REDIS_URL", _redis_url, None),
        data_dir=_read(environ, "RECEIVER_DATA_DIR", Path, Path("var")),
        maxmemory=_read(environ, "RECEIVER_MAXMEMORY", _size, 1024**3),
        full_percent=_read(environ, "RECEIVER_FULL_PERCENT", _whole(HISTORY_PERCENT + 5, 85), 80),
        max_in_flight=_read(environ, "RECEIVER_MAX_IN_FLIGHT", _whole(1, 8192), 4096),
        bearer_digests=_read(environ, "RECEIVER_BEARER_TOKENS", _digests, ()),
        max_body_bytes=_read(environ, "RECEIVER_MAX_BODY_BYTES", _whole(1024, 2**26), 262144),
        log_level=_read(environ, "RECEIVER_LOG_LEVEL", _log_level, "info"),
        durability=_read(environ, "RECEIVER_DURABILITY", _durability, "warn"),
        dedupe_hours=_read(environ, "RECEIVER_DEDUPE_HOURS", _whole(1, 24 * 365), 73),
        web_concurrency=_read(environ, "WEB_CONCURRENCY", _whole(1, 256), 1),
        workers=_read(environ, "RECEIVER_WORKERS", _whole(1, 256), 1),
        spool_dir=_read(environ, "RECEIVER_SPOOL_DIR", Path, None),
        spool_bytes=_read(environ, "RECEIVER_SPOOL_BYTES", _size, 1024**3),
        park_dir=_read(environ, "RECEIVER_PARK_DIR", Path, None),
        ack_replicas=_read(environ, "RECEIVER_ACK_REPLICAS", _whole(0, 16), 0),
        listeners=tuple(config.listener),
        sinks=tuple(config.sink),
        readers=tuple(config.reader),
        sink_variables={
            name: environ[name] for name in sinks.variables(tuple(config.sink)) if environ.get(name)
        },
        signing_secrets=signing_secrets.read(environ),
        secret_keys=_read(environ, "RECEIVER_SECRET_KEYS", secret_keys.keys, ()),
        handshake=config.handshake,
        public_url=config.public_url.rstrip("/"),
        operators=tuple(config.operator),
        subscriptions=tuple(config.subscription),
        operator_variables={
            name: environ[name]
            for one in config.operator
            for name in one.variables
            if environ.get(name)
        },
        polls=tuple(config.poll),
        poll_variables={
            name: environ[name] for name in polls.variables(config.poll) if environ.get(name)
        },
        console_url=_read(environ, "RECEIVER_CONSOLE_URL", console.public_url, ""),
        console_proxy=_read(environ, "RECEIVER_CONSOLE_PROXY", console.peers, ()),
        traces=asked(environ),
    )


def problems(settings: Settings) -> list[str]:
    """Return what prevents a worker with these settings from working: one line each, with what to
    do. An operator without its secret does not: its controller waits, and says so.
    """
    return [
        f"sink {sink.name!r}: the environment variable {name} {wrong}"
        for sink in settings.sinks
        for name, wrong in sorted(sinks.variable_faults(sink, settings.sink_variables).items())
    ] + [
        f'sink {sink.name!r}: when_full = "park" needs a directory: set RECEIVER_PARK_DIR'
        for sink in settings.sinks
        if sink.when_full == "park" and not settings.park_dir
    ]


def poll_problems(settings: Settings) -> list[str]:
    """Return what prevents `receiver poll` with these settings from polling: one line each, with
    what to do.
    """
    values = settings.poll_variables
    asked = {one.operator for one in settings.polls if isinstance(one, polls.CamaraDevicePoll)}
    return [
        f"poll {one.name!r}: the environment variable {name} {wrong}"
        for one in settings.polls
        for name, wrong in sorted(polls.variable_faults(one, values).items())
    ] + [
        f"operator {one.name!r}: the environment variable {name} "
        f"{wrong.replace('receiver worker', 'receiver poll')}"
        for one in settings.operators
        if one.name in asked
        for name, wrong in sorted(
            operators.variable_faults(one, settings.operator_variables).items()
        )
    ]


def _read(environ: Mapping[str, str], name: str, cast: Callable[[str], T], default: T) -> T:
    """An empty variable is an absent one, as process managers write them."""
    value = environ.get(name, "").strip()
    if not value:
        return default
    try:
        return cast(value)
    except ValueError as error:
        shown = "(not shown)" if name in _SECRET else repr(value)
        raise SettingsError(f"{name}={shown}: {error}") from None


def _whole(low: int, high: int) -> Callable[[str], int]:
    def cast(value: str) -> int:
        digits = value.isascii() and value.isdigit() and len(value) < 20
        if not (digits and low <= int(value) <= high):
            raise ValueError(f"a whole number from {low} to {high} is wanted")
        return int(value)

    return cast


def _size(value: str) -> int:
    found = _SIZE.fullmatch(value)
    if not found:
        raise ValueError("a size such as 512mb or 4gb is wanted")
    size = int(found[1]) * _UNITS[(found[2] or "").lower()]
    if not 1024**2 <= size < 2**60:
        raise ValueError("a size from 1mb on is wanted")
    return size


def _durability(value: str) -> Literal["warn", "strict"]:
    if value not in ("warn", "strict"):
        raise ValueError("warn or strict is wanted")
    return "strict" if value == "strict" else "warn"


def _log_level(value: str) -> Literal["debug", "info", "warning", "error"]:
    match value.lower():
        case "debug" | "info" | "warning" | "error" as level:
            return level
        case _:
            raise ValueError("debug, info, warning or error is wanted")


def _redis_url(value: str) -> str:
    if wrong := redis_client.fault(value):
        raise ValueError(wrong)
    return value


def _digests(tokens: str) -> tuple[bytes, ...]:
    """Of the bytes that are set, whether they are UTF-8 or not: that is what comes in a header."""
    names = [os.fsencode(token) for token in bootstrap_tokens.split(tokens)]
    return tuple(hashlib.sha256(name).digest() for name in names)


def _refuse_quotes(environ: Mapping[str, str]) -> None:
    """Docker's and systemd's files of variables do not take them off, as a shell does."""
    for name, value in environ.items():
        ours = name in ("PORT", "HOST", "REDIS_URL", "WEB_CONCURRENCY") or name[:9] == "RECEIVER_"
        said = value.strip()
        if ours and said and {said[0], said[-1]} & bootstrap_tokens.QUOTES:
            raise SettingsError(f"{name}: the quotes would be part of the value: leave them out")


def _config(environ: Mapping[str, str]) -> ConfigFile:
    """An explicitly named file must exist; the default one need not."""
    named = environ.get("RECEIVER_CONFIG", "").strip()
    path = Path(named or "receiver.toml")
    if not named and not path.exists():
        return ConfigFile()
    try:
        text = config_file.text(path)
        config = msgspec.convert(tomllib.loads(text), ConfigFile)
    except OSError as error:
        raise SettingsError(f"RECEIVER_CONFIG={str(path)!r}: {error.strerror}") from None
    except RecursionError:
        raise SettingsError(f"{path}: it is nested too deep") from None
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {explain(text, str(error))}") from None
    except ValueError as error:  # of TOML, or of the file
        raise SettingsError(f"{path}: {error}") from None
    for index, listener in enumerate(config.listener):
        _check_listener(path, listener)
        if any(listener.name == other.name for other in config.listener[:index]):
            line = line_of(text, "listener", index, "name")
            raise SettingsError(f"{path}: line {line}: listener {listener.name!r} is there twice")
    for index, reader in enumerate(config.reader):
        if any(reader.name == other.name for other in config.reader[:index]):
            line = line_of(text, "reader", index, "name")
            raise SettingsError(f"{path}: line {line}: reader {reader.name!r} is there twice")
    for index, sink in enumerate(config.sink):
        twin = any(sink.name == other.name for other in config.sink[:index])
        wrong = ("name", "another sink has it: take another") if twin else sinks.fault(sink)
        if wrong:
            line = line_of(text, "sink", index, wrong[0])
            raise SettingsError(f"{path}: line {line}: sink {sink.name!r}, {wrong[0]}: {wrong[1]}")
    names = [one.name for one in config.listener]
    if said := subscription_sets.first_fault(text, config, names):
        raise SettingsError(f"{path}: {said}")
    if said := polls.first_fault(text, config.poll, config.operator):
        raise SettingsError(f"{path}: {said}")
    found = [one.beside(path) for one in config.subscription]
    polled = [polls.beside(one, path) for one in config.poll]
    return msgspec.structs.replace(config, subscription=found, poll=polled)


def _check_listener(path: Path, listener: Listener) -> None:
    if not LISTENER_NAME.fullmatch(listener.name):
        raise SettingsError(
            f"{path}: listener name {listener.name!r}: 1 to 64 of a-z, 0-9 and - are wanted"
        )
    try:
        ZoneInfo(listener.zone)
    except (KeyError, ValueError, OSError):
        raise SettingsError(
            f"{path}: listener {listener.name!r}: zone {listener.zone!r} is not an IANA zone "
            "such as America/New_York"
        ) from None
    if listener.region not in phonenumbers.SUPPORTED_REGIONS:
        raise SettingsError(
            f"{path}: listener {listener.name!r}: region {listener.region!r} is not a country's "
            "code of two capital letters such as US or PH"
        )
