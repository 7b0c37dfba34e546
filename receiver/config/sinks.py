"""The sinks of `receiver.toml`: where events are delivered, which of them, and with which limits.

Secrets are not in the file: it names environment variables, and only the worker needs their values.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from receiver.config.operators import VARIABLE, Name
from receiver.runtime import redis_client

Scalar = str | int | float | bool
Header = Annotated[
    str, Meta(pattern=r"^(?i:(?!(content-length|transfer-encoding)\Z)[!#$%&'*+.^_`|~0-9a-z-]+)\Z")
]
"""RFC 9110 section 5.1; what frames a request is not for the sink to say."""
_URL = r"^https?://[^\x00-\x20\x7f/?#@]+([/?#][!-~]*)?\Z"
_SECRET = re.compile(r"(whsec_)?([A-Za-z0-9+/]{4})+([A-Za-z0-9+/]{2}(==|[A-Za-z0-9+/]=))?")
_LONG = Meta(min_length=1, max_length=512)
_MOST = 10**9


class _Sink(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"
):
    """The settings common to all kinds of sink: the name and the filter of events."""

    name: Name
    types: tuple[str, ...] = ()
    """Globs of event types such as `sms.*`; none: all."""
    listeners: tuple[str, ...] = ()
    """Names of listeners; none: all."""
    where: dict[str, Scalar] = {}
    """Dotted path in the event -> the value that must stand there."""
    give_up_hours: Annotated[float, Meta(gt=0, le=720)] = 72
    """How long a delivery is tried before it is a dead letter."""
    share: Annotated[float, Meta(gt=0, le=50)] = 20
    """Percent of Redis's `maxmemory` that events which wait for it may take."""
    when_full: Literal["park", "shed", "hold"] | None = None
    """What becomes of the oldest when they take more: parked on disk, let go, or held all the same.
    None: parked where there is a directory for it, else held."""

    @property
    def seconds(self) -> float:
        """Return the longest that one request to it takes, in seconds."""
        return 5.0

    @property
    def filtered(self) -> bool:
        """Return whether the sink's filter excludes any event."""
        return bool(self.types or self.listeners or self.where)

    def wants(self, event: Mapping[str, Any]) -> bool:
        """Return whether the sink's filter lets an event through."""
        return (
            (not self.types or any(fnmatchcase(event["type"], glob) for glob in self.types))
            and (not self.listeners or event["source"].rpartition("/")[2] in self.listeners)
            and all(value_at(event, path) == value for path, value in self.where.items())
        )


class RedisStreamSink(_Sink, frozen=True, kw_only=True, tag="redis-stream"):
    """A sink that appends to a stream: one field, `event`."""

    stream: Annotated[str, _LONG]
    max_length: Annotated[int, Meta(ge=1, le=_MOST)] | None = None
    max_age_hours: Annotated[float, Meta(gt=0, le=_MOST)] | None = None
    """Either of the two bounds the stream, neither: a million entries. On our own Redis the oldest
    go sooner when memory is short, as those of every history do."""
    redis_url: str | None = None
    """Another server than `REDIS_URL`: then at least once instead of exactly once."""


class RqSink(_Sink, frozen=True, kw_only=True, tag="rq"):
    """A sink that enqueues a job with the event, a dictionary, as its one argument; JSON
    serializer.
    """

    queue: Annotated[str, _LONG]
    function: Annotated[str, Meta(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+\Z")]
    """Dotted name, as the consumer's worker imports it."""
    job_timeout: Annotated[int, Meta(ge=1, le=_MOST)] = 180
    redis_url: str | None = None


class HttpSink(_Sink, frozen=True, kw_only=True, tag="http"):
    """A sink that posts to a web hook."""

    url: Annotated[str, Meta(pattern=_URL)]
    mode: Literal["structured", "binary", "batch"] = "structured"
    batch_size: Annotated[int, Meta(ge=1, le=1000)] = 100
    """Events in one request, at most, where `mode` is `batch`."""
    timeout: Annotated[float, Meta(ge=0.1, le=60)] = 10
    """Seconds for one whole exchange, from connecting to the end of the answer."""
    concurrency: Annotated[int, Meta(ge=1, le=256)] = 16
    allow: tuple[str, ...] = ()
    """`host` or `host:port` that may be a private address."""
    headers_env: dict[Header, str] = {}
    """Header -> name of the environment variable with its value."""
    secrets_env: Annotated[tuple[str, ...], Meta(max_length=2)] = ()
    """Names of environment variables with Standard Webhooks secrets; two while one is replaced."""

    @property
    def seconds(self) -> float:
        """Return the longest that one request takes, in seconds."""
        return self.timeout

    @property
    def allowed(self) -> bool:
        """Return whether the URL's own host may have any address, also on a private network."""
        parts = urlsplit(self.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        host = (parts.hostname or "").lower()
        names = {host, f"[{host}]", f"{host}:{port}", f"[{host}]:{port}"}
        return bool(names & {x.lower() for x in self.allow})


SinkSettings = RedisStreamSink | RqSink | HttpSink


def variables(sinks: tuple[SinkSettings, ...]) -> set[str]:
    """Return the environment variables that the sinks name."""
    https = [sink for sink in sinks if isinstance(sink, HttpSink)]
    return {name for sink in https for name in (*sink.headers_env.values(), *sink.secrets_env)}


def variable_faults(sink: SinkSettings, values: Mapping[str, str]) -> dict[str, str]:
    """Return variable -> what is wrong with it and what to do; never the value itself."""
    faults = {
        name: "is not set: set it for `receiver worker`"
        for name in variables((sink,))
        if name not in values
    }
    for name in variables((sink,)) - set(faults):
        if not (values[name].isascii() and values[name].isprintable()):
            faults[name] = "holds what no header can: printable ASCII is wanted"
    secrets = sink.secrets_env if isinstance(sink, HttpSink) else ()
    for name in set(secrets) - set(faults):
        if not _SECRET.fullmatch(values[name]):
            faults[name] = "is no secret: whsec_ and base64 are wanted (openssl rand -base64 32)"
    return faults


def faults(sink: SinkSettings) -> Iterator[tuple[str, str]]:
    """Return what the types cannot check: the keys at fault and what to do."""
    if isinstance(sink, RedisStreamSink):
        if sink.max_length and sink.max_age_hours:
            yield "max_age_hours", "max_length is there too: keep one of them"
        if sink.stream.startswith("receiver:") and not sink.redis_url:
            yield "stream", "names that begin with receiver: are ours: take another"
    if isinstance(sink, RqSink) and sink.queue.startswith("receiver-") and not sink.redis_url:
        yield "queue", "names that begin with receiver- are ours: take another"
    if isinstance(sink, HttpSink):
        yield from _http_faults(sink)
    url = getattr(sink, "redis_url", None)
    if url and (wrong := redis_client.fault("" if "+sentinel:" in url else url)):
        yield "redis_url", wrong


def _http_faults(sink: HttpSink) -> Iterator[tuple[str, str]]:
    if wrong := _address_fault(sink):
        yield "url", wrong
    for key, names in (
        ("headers_env", sink.headers_env.values()),
        ("secrets_env", sink.secrets_env),
    ):
        if not all(map(VARIABLE, names)):
            yield key, "the name of an environment variable is wanted, never the value itself"


def _address_fault(sink: HttpSink) -> str:
    try:
        host = urlsplit(sink.url).hostname or ""
        if not host.isascii():
            host.encode("idna")
        allowed = sink.allowed
    except ValueError:
        return "a URL such as https://hooks.example.com/events is wanted"
    if not allowed and (host == "localhost" or _literal_private(host)):
        return f'a private address: add allow = ["{urlsplit(sink.url).netloc}"] to permit it'
    return ""


def _literal_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False


def value_at(event: Any, path: str) -> Any:
    """Return what stands at a dotted path in an event; None where nothing does."""
    for key in path.split("."):
        if not isinstance(event, Mapping) or key not in event:
            return None
        event = event[key]
    return event
