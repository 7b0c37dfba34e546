"""Whether a notification would be taken now, what is in its way, and what is only worth a word."""

import time
from typing import Any

from receiver.health.server import Server
from receiver.spool.spool import Spool


def readiness(server: Server, spool: Spool | None) -> tuple[int, dict[str, Any]]:
    """Status and body of `/readyz`: 503 only if a notification would be refused now."""
    warnings = list(server.warnings)
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
        warnings += [f"{name} in the spool is damaged" for name in sorted(spool.damaged)]
    return 503 if reason else 200, said


def _spool(spool: Spool) -> dict[str, float]:
    depth = spool.depth
    age = time.time() - depth.oldest / 1000 if depth.oldest is not None else 0.0
    return {
        "notifications": depth.notifications,
        "bytes": depth.bytes,
        "oldest_seconds": round(max(0.0, age), 3),
    }
