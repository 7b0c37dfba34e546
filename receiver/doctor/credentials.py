"""Checks the stored credentials: which end soon, cannot be read, or are of the demo."""

import hashlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from receiver.auth.credential_store import Stored, successor
from receiver.doctor.finding import Finding
from receiver.metrics.snapshot import Snapshot

WEEK: Final = 7 * 86400.0
_LOSS: Final = "a 401 ends a CAMARA subscription, and AT&T gives up after 72 hours"


def credentials(found: Snapshot, demo: str) -> Iterator[Finding]:
    """Check the stored credentials; `demo` is the token of `receiver up --demo`, or empty."""
    demo_digest = hashlib.sha256(demo.encode()).hexdigest()
    for one in found.credentials:
        if one.credential is None:
            yield Finding(
                "serious",
                f"{_named(one)} cannot be read",
                "requests with it are answered 503",
                f"receiver credentials revoke {one.id}",
                f"/credentials/{one.id}",
            )
        elif one.ends_within(WEEK):
            yield _ending(one, successor(one, found.credentials))
        if demo and one.digest == demo_digest:
            yield Finding(
                "warning",
                f"{_named(one)} is the token of `receiver up --demo`",
                "it has been printed on a terminal and is stored in a file",
                f"receiver credentials revoke {one.id}",
                f"/credentials/{one.id}",
            )


def _ending(one: Stored, new: Stored | None) -> Finding:
    """Say that a credential ends; nobody has to do anything once the one after it is used."""
    ends = (one.credential.expires if one.credential else None) or 0.0
    days = (ends - time.time()) / 86400
    what = f"{_named(one)} " + ("has expired" if days <= 0 else f"expires in {days:.1f} days")
    page = f"/credentials/{one.id}"
    if new and new.used is not None:
        when = datetime.fromtimestamp(ends, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Finding(
            "note",
            f"{what}; {new.id}, which is used, takes its place",
            f"requests with the old one are answered 401 from {when} on",
            "receiver credentials list  # is the old one used still? then register the new one",
            page,
        )
    fix = "receiver credentials add --label NAME  # register it there, then revoke this one"
    if new:
        what += f"; {new.id} is to take its place and was never used"
        fix = f"register the new one: {new.id}  # receiver credentials list shows when it is used"
    return Finding("serious" if days <= 0 else "warning", what, _LOSS, fix, page)


def _named(one: Stored) -> str:
    label = one.credential.label if one.credential else ""
    return f"the credential {one.id}" + (f" ({label})" if label else "")
