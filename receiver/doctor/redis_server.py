"""Checks the Redis in use: durability, memory, version, replicas."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from receiver.config.settings import HISTORY_PERCENT, Settings
from receiver.doctor.finding import Finding, Severity
from receiver.doctor.unreachable_redis import ASK
from receiver.health.durability import AppendOnlyLog, weaknesses
from receiver.runtime.redis_rights import too_old

_CLOCK: Final = 2.0
"""Seconds that the two clocks may differ: credentials expire by ours, identities by Redis'."""
_DISK: Final = ("aof_last_write_status", "aof_last_bgrewrite_status", "rdb_last_bgsave_status")
# `CONFIG REWRITE` fails where the file is read-only, as in `deploy/`.
_KEEP: Final = "  # and write it into the server's own file"
_FIXES: Final[dict[str, tuple[Severity, str]]] = {
    "appendonly": ("serious", ASK + "CONFIG SET appendonly yes" + _KEEP),
    "the log": ("serious", ASK + "INFO persistence  # done: aof_rewrite_in_progress is 0"),
    "appendfsync": ("serious", ASK + "CONFIG SET appendfsync always" + _KEEP),
    "no-appendfsync": ("serious", ASK + "CONFIG SET no-appendfsync-on-rewrite no" + _KEEP),
    "maxmemory ": ("warning", ASK + "CONFIG SET maxmemory 4gb" + _KEEP),
    "maxmemory-policy": ("serious", ASK + "CONFIG SET maxmemory-policy noeviction" + _KEEP),
    "the server hides": ("warning", "look at your provider's page: AOF always, noeviction"),
}


def check_redis_server(
    settings: Settings, info: Mapping[str, Any], config: Mapping[str, str], seconds_off: float
) -> Iterator[Finding]:
    """Check the Redis server, by its INFO and CONFIG.

    `seconds_off`: the difference between this machine's clock and the clock of Redis.
    """
    yield from _version(info)
    yield from _config(config, info)
    yield from _disk(info)
    yield from _memory(settings, info)
    yield from _replicas(settings, info, config)
    if abs(seconds_off) > _CLOCK:
        yield Finding(
            "warning",
            f"this machine's clock and Redis's are {abs(seconds_off):.0f} s apart",
            "credentials and the identities of duplicates expire at the wrong time",
            "timedatectl set-ntp true  # on both machines",
        )


def _version(info: Mapping[str, Any]) -> Iterator[Finding]:
    if version := too_old(info):
        yield Finding(
            "serious",
            f"the server is version {version}",
            "its streams do not count how far behind a consumer group is, so nothing is published",
            "install Redis 7.0, Valkey 7.2, or a later one",
        )


def _config(config: Mapping[str, str], info: Mapping[str, Any]) -> Iterator[Finding]:
    for sentence in weaknesses(config, log_incomplete=AppendOnlyLog().incomplete(info)):
        what, _, why = sentence.partition(": ")
        for begins, (severity, fix) in _FIXES.items():
            if sentence.startswith(begins):
                why = why.partition("; ")[0]
                yield Finding(severity, f"Redis: {what}", why, fix)


def _disk(info: Mapping[str, Any]) -> Iterator[Finding]:
    for name in _DISK:
        if info.get(name, "ok") != "ok":
            yield Finding(
                "serious",
                f"Redis cannot write its disk ({name}: {info[name]})",
                "it refuses writes, or loses them with the machine",
                "df -h  # on its machine, then its log",
            )


def _memory(settings: Settings, info: Mapping[str, Any]) -> Iterator[Finding]:
    used, limit = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    if not limit or used < HISTORY_PERCENT / 100 * limit:
        return
    full = settings.full_percent
    yield Finding(
        "serious" if used > full / 100 * limit else "warning",
        f"Redis is {used / limit:.0%} full",
        f"notifications are refused with 503 from {full} % on, and old entries are trimmed early "
        f"from {HISTORY_PERCENT} % on",
        "receiver ledger; receiver sinks list  # what is open; or more memory for Redis",
    )


def _replicas(
    settings: Settings, info: Mapping[str, Any], config: Mapping[str, str]
) -> Iterator[Finding]:
    if info.get("role") == "slave":
        yield Finding(
            "serious",
            "REDIS_URL names a replica",
            "it takes no writes",
            "REDIS_URL=redis+sentinel://...  # or the master's; then restart web and worker",
        )
    here = int(info.get("connected_slaves", 0))
    if here < settings.ack_replicas:
        yield Finding(
            "serious",
            f"{here} replicas are connected and RECEIVER_ACK_REPLICAS={settings.ack_replicas}",
            "nothing is acknowledged",
            ASK + "INFO replication  # then start the replicas",
        )
    wanted = int(config.get("min-replicas-to-write", 0))
    good = int(info.get("min_slaves_good_slaves", wanted))
    if good < wanted:
        yield Finding(
            "serious",
            f"{good} replicas keep up and the server's min-replicas-to-write is {wanted}",
            "it takes no writes: NOREPLICAS",
            ASK
            + "INFO replication  # then start the replicas, or CONFIG SET min-replicas-to-write 0",
        )
