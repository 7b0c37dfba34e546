"""What the arguments and options of `receiver credentials` say, checked."""

import sys
import time
from datetime import UTC, datetime, timedelta

import click
import redis

from receiver.auth import credential_store
from receiver.auth.credential_store import Stored
from receiver.cli.terminal import output, setup
from receiver.config.bootstrap_tokens import LONGEST_TOKEN, QUOTES
from receiver.config.settings import LISTENER_NAME, Settings


def check_listener(listener: str | None, settings: Settings) -> str | None:
    """Check the name of a listener and return it. Raises `UsageError`."""
    if listener is None:
        return None
    names = [one.name for one in settings.listeners]
    if not LISTENER_NAME.fullmatch(listener):
        raise click.UsageError("--listener: 1 to 64 of a-z, 0-9 and - are wanted")
    if names and listener not in names:
        raise click.UsageError(f"--listener: receiver.toml names {', '.join(names)} only")
    return listener


def expiry(expires: datetime | None, days: int | None) -> float | None:
    """Return when a token is to end, in seconds since 1970; None: never. Raises `UsageError`."""
    if expires and days:
        raise click.UsageError("--expires or --days, not both")
    if days:
        expires = datetime.now(UTC) + timedelta(days=days)
    if expires is None:
        return None
    when = expires.replace(tzinfo=UTC).timestamp()
    if when <= time.time():
        raise click.UsageError("--expires: a time to come is wanted")
    return when


def read_token() -> str:
    """Read a token that fits into a header and, percent-encoded, a URL. Raises `UsageError`."""
    token = sys.stdin.readline(2 * LONGEST_TOKEN).strip()
    if not (16 <= len(token) <= LONGEST_TOKEN and token.isascii() and token.isprintable()):
        raise click.UsageError(
            f"--token-stdin: 16 to {LONGEST_TOKEN} printable ASCII characters are wanted"
        )
    if " " in token or QUOTES & set(token):
        raise click.UsageError("--token-stdin: a token has no blanks and no quotes in it")
    return token


def named(client: redis.Redis, name: str) -> list[Stored]:
    """Return the credentials of this id or label, the oldest first; end the command without any."""
    stored = credential_store.find(client, name)
    if not stored:
        output.exit_undone("there is no such credential: see `receiver credentials list`")
    return stored


def the_newest(stored: list[Stored]) -> Stored:
    """Return the newest of one label, if the others have its listener and end before it. Raises
    `Refused` where it is not clear which is meant.
    """
    *others, newest = stored
    if not all(newest.outlives(one) for one in others):
        raise setup.Refused(f"several have this label: name one of {_ids(stored)}")
    return newest


def refuse_several(stored: list[Stored]) -> None:
    """Raise `Refused` where a label names several."""
    if len(stored) > 1:
        raise setup.Refused(
            f"several have this label: name one of {_ids(stored)}, or `revoke --all`"
        )


def _ids(stored: list[Stored]) -> str:
    return ", ".join(one.id for one in stored)
