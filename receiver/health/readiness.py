"""Readiness: whether a notification would be stored now, and what is to be warned of."""

from typing import Any

from receiver.health.redis_state import RedisState
from receiver.health.subscription_warnings import SubscriptionWarnings
from receiver.intake.spool.depth import LATE, age
from receiver.intake.spool.location import faults
from receiver.intake.spool.spool import Spool


def readiness(
    server: RedisState,
    spool: Spool | None,
    subscriptions: SubscriptionWarnings,
    not_taken: str,
) -> tuple[int, dict[str, Any]]:
    """Return status and body of `/readyz`: 503 only if a notification would be refused now.
    `not_taken`: why `receiver.toml` is not in use as it stands.
    """
    warnings = [*server.warnings, *subscriptions.warnings]
    if not_taken:
        warnings.append(f"what receiver.toml said before is in use still: {not_taken}")
    reason = server.full
    if server.trouble and spool and not spool.trouble:
        warnings.append(f"{server.trouble}: what comes waits in the spool")
    else:
        reason = server.trouble or reason
    said: dict[str, Any] = {"status": "refusing" if reason else "ready", "warnings": warnings}
    if reason:
        said["reason"] = reason
    if spool:
        said["spool"] = _spool(spool)
        if spool.trouble:
            warnings.append(f"the spool takes nothing: {spool.trouble}")
        if not server.trouble and (waited := age(spool.depth)) > LATE:
            why = f": {spool.stalls}" if spool.stalls else ""
            warnings.append(
                f"Redis answers, and notifications have waited in the spool for {waited:.0f} s{why}"
            )
        warnings += faults(spool.damaged, spool.unreadable)
    return 503 if reason else 200, said


def _spool(spool: Spool) -> dict[str, float]:
    depth = spool.depth
    return {
        "notifications": depth.notifications,
        "bytes": depth.bytes,
        "oldest_seconds": round(age(depth), 3),
    }
