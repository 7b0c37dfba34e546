"""The stored credentials, for people and for programs."""

from typing import Any, Final

from receiver.auth.bearer import Credential
from receiver.auth.credential_store import Stored
from receiver.cli.terminal.output import printable
from receiver.cli.terminal.table import print_table
from receiver.cli.terminal.time_option import format_time

_WEEK: Final = 7 * 86400.0


def warning(one: Stored) -> str:
    """Return what is to be said of a credential; empty where all is well."""
    if one.credential is None:
        return f"{printable(one.id)} cannot be read: its token is answered 503; revoke or mend it"
    if not one.ends_within(_WEEK):
        return ""
    state = "has expired" if one.ends_within(0) else "expires within a week"
    return f"{one.id} {printable(one.credential.label)} {state}".replace("  ", " ")


def document(one: Stored) -> dict[str, Any]:
    """Return a credential as JSON has it."""
    stored = one.credential or Credential()
    return {
        "id": one.id,
        "label": stored.label,
        "listener": stored.listener,
        "created": _format_seconds(stored.created or None),
        "expires": _format_seconds(stored.expires),
        "last_used": _format_seconds(one.used),
        "readable": one.credential is not None,
    }


def _format_seconds(seconds: float | None) -> str | None:
    try:
        return None if seconds is None else format_time(int(seconds * 1000))
    except (OverflowError, ValueError):
        return None  # not within the calendar


def show(stored: list[Stored], of_subscriptions: int) -> None:
    """Print a table of credentials, and how many more subscriptions have."""
    rows = []
    for one in stored:
        said = document(one)
        times = [(said[name] or "never")[:16] for name in ("created", "expires", "last_used")]
        valid_for = (said["listener"] or "all") if one.credential else "unreadable"
        rows.append([said["id"], said["label"], valid_for, *times])
    if of_subscriptions:
        rows.append(["", f"subscriptions: {of_subscriptions:,}", "", "", "renewed", ""])
    print_table(("id", "label", "listener", "created", "expires", "last used"), rows)
