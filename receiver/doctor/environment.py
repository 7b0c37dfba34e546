"""Checks this machine: settings, tokens, Redis URL, files."""

import ipaddress
import os
import shlex
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from receiver.config.settings import RedisStreamSink, Settings
from receiver.doctor.files import check_files
from receiver.doctor.finding import Finding
from receiver.doctor.unreachable_redis import ASK
from receiver.intake.spool.file_set import SHARE_OF_FREE
from receiver.runtime.loopback import is_loopback
from receiver.runtime.tracing import switch

SHORTEST_TOKEN: Final = 20
"""Characters; a random token of that length cannot be guessed."""
_REPLACEMENT: Final = (
    "receiver credentials add --label NAME  # then drop it from RECEIVER_BEARER_TOKENS, restart web"
)
VANISHING: Final = frozenset({"tmpfs", "ramfs", "overlay"})


def check_environment(settings: Settings, tokens: Sequence[str], url: str) -> Iterator[Finding]:
    """Check this machine; `tokens` are those of the environment, `url` names the Redis in use."""
    yield from _tokens(settings, tokens)
    yield from _listening_address(settings)
    yield from _redis(url)
    yield from _sinks(settings)
    yield from check_files(settings)
    yield from _spool(settings)
    yield from _traces(settings)


def _tokens(settings: Settings, tokens: Sequence[str]) -> Iterator[Finding]:
    short = sum(len(token) < SHORTEST_TOKEN for token in tokens)
    if short:
        yield Finding(
            "serious",
            f"{short} of the tokens in RECEIVER_BEARER_TOKENS have fewer than {SHORTEST_TOKEN} "
            "characters",
            "whoever guesses one can send you notifications",
            "RECEIVER_BEARER_TOKENS=$(openssl rand -hex 32)  # then restart web",
        )
    demo = demo_token(settings)
    if demo and (demo in tokens or not settings.redis_url):
        yield Finding(
            "warning",
            "the token of `receiver up --demo` is valid",
            "it has been printed on a terminal and is stored in a file",
            _REPLACEMENT if demo in tokens else _without_demo(settings),
        )


def _without_demo(settings: Settings) -> str:
    """Return the remedy where the token is that of the data directory, and of no variable."""
    file = shlex.quote(str(settings.data_dir / "demo-token"))
    return f"receiver credentials add --label NAME  # then receiver up without --demo; rm {file}"


def demo_token(settings: Settings) -> str:
    """Return the token that `receiver up --demo` stored here; empty when there is none."""
    try:
        return (settings.data_dir / "demo-token").read_text("ascii", "ignore").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _listening_address(settings: Settings) -> Iterator[Finding]:
    if not is_loopback(settings.host):
        yield Finding(
            "note",
            f"HOST={settings.host}: web listens beyond this machine, without TLS of its own",
            "tokens and messages would cross the network readable; networks call https URLs only",
            "put a proxy with TLS in front, and let nothing else reach the port",
        )


def _redis(url: str) -> Iterator[Finding]:
    parts = urlsplit(url)
    hosts = [
        urlsplit(f"//{host}").hostname or "" for host in parts.netloc.rpartition("@")[2].split(",")
    ]
    if parts.scheme == "unix" or all(not host or is_loopback(host) for host in hosts):
        return
    if not parts.password and "password=" not in parts.query:
        yield Finding(
            "serious",
            "REDIS_URL has no password and names another machine",
            "whoever reaches that Redis can read and write everything, credentials included",
            ASK + "CONFIG SET requirepass SECRET  # and write it into the server's own file; then "
            "REDIS_URL=rediss://:SECRET@HOST:PORT/0, restart web and worker",
        )
    if not parts.scheme.startswith("rediss"):
        private = all(_is_private(host) for host in hosts)
        yield Finding(
            "note" if private else "warning",
            "REDIS_URL names another machine, without TLS",
            "phone numbers, texts and the password cross the network in clear",
            "REDIS_URL=rediss://...  # then restart web and worker",
        )


def _is_private(host: str) -> bool:
    """Return whether a host is in a private network: by address, or by a name without a domain."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host


def _sinks(settings: Settings) -> Iterator[Finding]:
    for sink in settings.sinks:
        if isinstance(sink, RedisStreamSink) and not (sink.max_length or sink.max_age_hours):
            yield Finding(
                "note",
                f"the sink {sink.name} has neither max_length nor max_age_hours",
                "a million events are some 1.5 GB; on the receiver's own Redis they are trimmed "
                "sooner when memory is short, read or not",
                f"max_length = 100000  # in receiver.toml, at {sink.name}",
            )


def _spool(settings: Settings) -> Iterator[Finding]:
    directory = settings.spool_dir
    if directory is None:
        yield Finding(
            "note",
            "no spool (RECEIVER_SPOOL_DIR)",
            "while Redis is unreachable the answer is 503, and CAMARA operators do not send again",
            "RECEIVER_SPOOL_DIR=/var/lib/receiver/spool  # on a disk that outlives the process; "
            "then restart web",
        )
        return
    if not _writable(directory):
        named = shlex.quote(str(directory))
        yield Finding(
            "serious",
            f"{directory} cannot be written (RECEIVER_SPOOL_DIR)",
            "the web process refuses to start",
            f"mkdir -p {named} && chown {os.getuid()} {named}  # then start web",
        )
        return
    if (kind := filesystem(directory)) in VANISHING:
        yield Finding(
            "serious",
            f"the spool {directory} lies on an ephemeral file system ({kind})",
            "what was acknowledged is lost with the container, or with the power",
            "RECEIVER_SPOOL_DIR=...  # on a disk that outlives the process, or leave it out; then "
            "restart web",
        )
    free = int(shutil.disk_usage(_existing(directory)).free * SHARE_OF_FREE)
    wanted = settings.spool_bytes * settings.web_concurrency
    if free < wanted:
        yield Finding(
            "warning",
            f"the spool may take {wanted >> 20} MiB, and its disk has {free >> 20} for it",
            "in a long outage of Redis intake closes with 503 sooner than the setting says",
            "RECEIVER_SPOOL_BYTES=...  # what the disk has, or make room: df -h; then restart web",
        )


def _traces(settings: Settings) -> Iterator[Finding]:
    if why := switch.fault(settings.traces):
        yield Finding(
            "note",
            f"OTEL_ variables ask for traces and there are none: {why}",
            "no traces are exported",
            "OTEL_SDK_DISABLED=true  # or what docs/tracing.md says; then restart web and worker",
        )


def _writable(directory: Path) -> bool:
    """Return whether a directory can be written, or created where it does not exist."""
    nearest = _existing(directory)
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


def _existing(directory: Path) -> Path:
    """Return the directory, or its nearest parent that exists. What lies in a directory that may
    not be searched counts as missing.
    """
    tried = (directory, *directory.absolute().parents)
    return next(path for path in tried if os.path.exists(path))  # Path.exists may raise


def filesystem(directory: Path) -> str:
    """Return the type of a directory's file system, by Linux; empty where it does not say."""
    found, longest = "", -1
    resolved = directory.resolve()
    try:
        mounts = Path("/proc/mounts").read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    for line in mounts:
        _, point, kind, *_ = line.split(" ")
        point = point.replace("\\040", " ")
        if resolved.is_relative_to(point) and len(point) >= longest:
            found, longest = kind, len(point)
    return found
