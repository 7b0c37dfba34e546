"""Environment and `receiver.toml`, read once, into one frozen, checked value.

A bad value raises `SettingsError`: one line that names the variable, the value and what is wanted,
and how many more there are.
"""

from collections.abc import Mapping
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from receiver.config import environment, polls, receiver_toml, signing_secrets, sinks
from receiver.config.environment import HISTORY_PERCENT
from receiver.config.fault import SettingsError, refuse
from receiver.config.listeners import LISTENER_NAME, Handshake, Listener, Reader
from receiver.config.operators import Operator
from receiver.config.polls import Poll
from receiver.config.receiver_toml import ConfigFile, Document
from receiver.config.sinks import HttpSink, RedisStreamSink, RqSink, SinkSettings
from receiver.config.subscription_sets import SubscriptionSet
from receiver.runtime.tracing.switch import Asked, asked

__all__ = [
    "HISTORY_PERCENT",
    "LISTENER_NAME",
    "Handshake",
    "HttpSink",
    "Listener",
    "Operator",
    "Reader",
    "RedisStreamSink",
    "RqSink",
    "Settings",
    "SettingsError",
    "SinkSettings",
    "SubscriptionSet",
    "load",
]

SMALLEST_MEMORY: Final = 24 * 1024**2
"""Bytes of `maxmemory` with which what is accepted until the next look cannot fill the server."""

PARKING: Final = "receiver-parking"
"""The subdirectory of `park_dir` that is ours, with mode 0700; `park_dir` itself is left as it
is."""

_UNNAMED = Listener(name="")


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
    """Where operators reach the web process, without a path of ours; empty where nothing is
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
    trace_url: str = ""
    """Where a trace is shown, with `{trace}` for its id; empty: the console links to none."""
    keep_headers: frozenset[bytes] = frozenset()
    """Names of those request headers that are stored with an accepted notification."""
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
    return load_text(environ, file=file)[0]


def load_text(environ: Mapping[str, str], *, file: bool = True) -> tuple[Settings, str]:
    """Return the settings, and the text of `receiver.toml` that they came from; empty where there
    is none. Raises `SettingsError`.
    """
    of_environment, faults = environment.read(environ)
    found = receiver_toml.read(environ) if file else None
    faults += found.faults if isinstance(found, Document) else [found] if found else []
    refuse(faults)
    config, text = (found.config, found.text) if isinstance(found, Document) else (ConfigFile(), "")
    return Settings(
        **of_environment,
        **of_file(config, environ),
        signing_secrets=signing_secrets.read(environ),
        traces=asked(environ),
    ), text


def of_file(config: ConfigFile, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return field of `Settings` -> value, of the fields that `receiver.toml` sets, with those
    environment variables that it names.
    """
    in_operators = {name for one in config.operator for name in one.variables}
    return {
        "listeners": tuple(config.listener),
        "sinks": tuple(config.sink),
        "readers": tuple(config.reader),
        "sink_variables": _set(environ, sinks.variables(tuple(config.sink))),
        "handshake": config.handshake,
        "public_url": config.public_url.rstrip("/"),
        "operators": tuple(config.operator),
        "subscriptions": tuple(config.subscription),
        "operator_variables": _set(environ, in_operators),
        "polls": tuple(config.poll),
        "poll_variables": _set(environ, polls.variables(config.poll)),
    }


def _set(environ: Mapping[str, str], names: set[str]) -> dict[str, str]:
    return {name: environ[name] for name in names if environ.get(name)}
