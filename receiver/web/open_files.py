"""The limit of open files, which limits connections too."""

import resource
from typing import Final

import structlog

log = structlog.get_logger()

OURS: Final = 128
"""Files a web process has open beside its connections, and some to spare."""


def connections_allowed() -> int:
    """Return how many connections the limit of open files leaves room for."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(1, most - OURS) if most != resource.RLIM_INFINITY else 2**31


def raise_limit(connections: int) -> None:
    """Raise the limit of open files to what so many connections need, as far as permitted, and log
    the old limit and what is still missing.
    """
    wanted = connections + OURS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    most = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    if most < wanted:
        log.warning(
            "files.few",
            limit=most,
            connections=connections_allowed(),
            fix=f"ulimit -n {wanted}, or LimitNOFILE",
        )
    else:
        log.info("files.raised", limit=soft, to=most)
