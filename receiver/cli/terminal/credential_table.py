"""The stored credentials, for people and for programs."""

from typing import Any, Final, NamedTuple

from receiver.auth.bearer import Credential
from receiver.auth.credential_store import Stored, successor
from receiver.cli.terminal.output import printable
from receiver.cli.terminal.table import print_table
from receiver.cli.terminal.time_option import cut_time, format_time

_WEEK: Final = 7 * 86400.0


class Remark(NamedTuple):
    """What is to be said of a credential."""

    line: str
    needs_somebody: bool


def remark(one: Stored, stored: list[Stored]) -> Remark | None:
    """Return what is to be said of one of the stored credentials; None where all is well."""
    if one.credential is None:
        why = "cannot be read: its token is answered 503; revoke or mend it"
        return Remark(f"{printable(one.id)} {why}", needs_somebody=True)
    if not one.ends_within(_WEEK):
        return None
    state = "has expired" if one.ends_within(0) else "expires within a week"
    line = f"{one.id} {printable(one.credential.label)} {state}".replace("  ", " ")
    new = successor(one, stored)
    if new is None:
        return Remark(line, needs_somebody=True)
    if new.used is None:
        line += f", and {new.id} after it was never used: register the new one"
        return Remark(line, needs_somebody=True)
    ended = f"{line} ({_format_seconds(one.credential.expires)})"
    return Remark(f"{ended}; {new.id} takes its place", needs_somebody=False)


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
    return None if seconds is None else format_time(seconds * 1000)


def show(stored: list[Stored], of_subscriptions: int) -> None:
    """Print a table of credentials, and how many more subscriptions have."""
    rows = []
    for one in stored:
        said = document(one)
        times = [
            cut_time(said[name], 16) or "never" for name in ("created", "expires", "last_used")
        ]
        valid_for = (said["listener"] or "all") if one.credential else "unreadable"
        rows.append([said["id"], said["label"], valid_for, *times])
    if of_subscriptions:
        rows.append(["", f"subscriptions: {of_subscriptions:,}", "", "", "renewed", ""])
    print_table(("id", "label", "listener", "created", "expires", "last used"), rows)
