"""`receiver credentials`: add, list and revoke bearer tokens."""

import secrets
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click
import msgspec
import redis

from receiver.auth import credential_store
from receiver.auth.bearer import Credential
from receiver.auth.credential_store import Exists, NotReplicated, Stored
from receiver.cli.terminal import setup
from receiver.cli.terminal.output import printable, terminal
from receiver.cli.terminal.time_option import format_time
from receiver.config.bootstrap_tokens import LONGEST_TOKEN, QUOTES
from receiver.config.settings import LISTENER_NAME, Settings

_WEEK: Final = 7 * 86400.0


@click.group()
def command() -> None:
    """Add, list and revoke bearer tokens, without a restart.

    \b
      receiver credentials add --label att --listener promo
      receiver credentials list
      receiver credentials revoke 3fd1c0aa91b2

    Every change counts in all web processes within two seconds. Only a digest of each token is
    stored. Tokens in RECEIVER_BEARER_TOKENS are valid beside these and not listed.

    \b
    To replace a token without a gap: add a new one, register it with the carrier, wait until `list`
    shows that it is used and the old one no longer is, then revoke the old one.
    """


@command.command()
@click.option("--label", default="", help="A name for people, such as the carrier's.")
@click.option("--listener", help="The only listener it is valid for.  [default: all]")
@click.option(
    "--expires",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"]),
    help="The time from which it is invalid, UTC: 2027-01-01 or 2027-01-01T12:00:00Z.",
)
@click.option("--days", type=click.IntRange(1, 36500), help="The same, counted from now.")
@click.option(
    "--token-stdin", is_flag=True, help="Read the token from stdin instead of generating one."
)
def add(
    label: str,
    listener: str | None,
    expires: datetime | None,
    days: int | None,
    *,
    token_stdin: bool,
) -> None:
    """Add a credential and print its token, which is shown only once.

    \b
      receiver credentials add --label att --listener promo
      receiver credentials add --label nokia --days 365
      receiver credentials add --label nokia --expires 2027-01-01 --token-stdin < token

    Exit codes: 0 done; 2 a wrong option or setting, a token that is stored already, or no Redis.
    """
    settings = setup.settings(file=listener is not None)
    credential = Credential(
        label=label,
        listener=_check_listener(listener, settings),
        expires=_expiry(expires, days),
        created=time.time(),
    )
    token = _read_token() if token_stdin else secrets.token_urlsafe(32)
    with setup.redis_faults():
        try:
            name = credential_store.add(_connect(settings), token, credential)
        except Exists as known:
            raise setup.Refused(f"this token is stored already, as {known}") from None
    click.echo(f"receiver: credential {name} is good within two seconds", err=True)
    if not token_stdin:
        click.echo(token)


@command.command("list", short_help="List the credentials, and warn of what expires.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document per line.")
def list_(*, as_json: bool) -> None:
    """List the credentials, the oldest first, and warn of those that expire within a week.

    \b
      receiver credentials list
      receiver credentials list | jq -r 'select(.id and .last_used == null).id'
      receiver credentials list >/dev/null || echo "look at the credentials"

    A table on a terminal; into a pipe one JSON document per line. The credentials of subscriptions
    that receiver.toml declares are one line with a count and without an id: their controllers make
    and drop them.

    Exit codes: 0 all is well; 1 one has expired, expires within a week, or cannot be read; 2 a
    wrong setting or no Redis.
    """
    with setup.redis_faults():
        client = _connect(setup.settings(file=False))
        stored, count = credential_store.all_stored(client), credential_store.subscriptions(client)
    if as_json or not sys.stdout.isatty():
        of_subscriptions = {"id": None, "label": "subscriptions", "count": count}
        for document in [*map(_document, stored), *([of_subscriptions] if count else [])]:
            click.echo(msgspec.json.encode(document))
    else:
        _print_table(stored, count)
    warnings = [line for line in map(_warning, stored) if line]
    for line in warnings:
        click.echo(f"receiver: {line}", err=True)
    raise SystemExit(1 if warnings else 0)


@command.command()
@click.argument("name", metavar="ID|LABEL")
@click.option(
    "--in-days",
    type=click.IntRange(1, 3650),
    help="Let it expire after so many days instead of now.",
)
@click.option("--all", "everything", is_flag=True, help="Revoke all that have this label.")
def revoke(name: str, in_days: int | None, *, everything: bool) -> None:
    """Revoke a credential: its token is answered 401 within two seconds.

    \b
      receiver credentials revoke 3fd1c0aa91b2
      receiver credentials revoke nokia --in-days 7     valid for a week more

    A CAMARA operator that is answered 401 may end the subscription: register the new token first.

    With RECEIVER_ACK_REPLICAS it waits, three seconds at most, until so many replicas have the
    change.

    Exit codes: 0 done; 1 no credential has this name; 2 a wrong option or setting, several have
    this label, no Redis, or done but not on so many replicas.
    """
    with setup.redis_faults():
        settings = setup.settings(file=False)
        client, replicas = _connect(settings), settings.ack_replicas
        stored = credential_store.find(client, name)
        if not stored:
            click.echo("receiver: there is no such credential", err=True)
            raise SystemExit(1)
        if len(stored) > 1 and not everything:
            ids = ", ".join(one.id for one in stored)
            raise setup.Refused(f"several have this label: name one of {ids}, or give --all")
        failure = None
        try:
            if in_days:
                when = time.time() + in_days * 86400
                credential_store.set_expiry(client, stored, when, replicas)
            else:
                credential_store.revoke(client, stored, replicas)
        except NotReplicated as error:
            failure = error
    for one in stored:
        click.echo(f"{'expires by then' if in_days else 'revoked'} {one.id}")
    if failure:
        raise setup.Refused(
            f"{failure} replicas have it (RECEIVER_ACK_REPLICAS): after a failover to another one "
            "look at `receiver credentials list` and revoke it again"
        )


def _connect(settings: Settings) -> redis.Redis:
    return setup.connect(setup.redis_url(settings))


def _check_listener(listener: str | None, settings: Settings) -> str | None:
    if listener is None:
        return None
    names = [one.name for one in settings.listeners]
    if not LISTENER_NAME.fullmatch(listener):
        raise click.UsageError("--listener: 1 to 64 of a-z, 0-9 and - are wanted")
    if names and listener not in names:
        raise click.UsageError(f"--listener: receiver.toml names {', '.join(names)} only")
    return listener


def _expiry(expires: datetime | None, days: int | None) -> float | None:
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


def _read_token() -> str:
    """Read a token that fits into a header and, percent-encoded, a URL. Raises `UsageError`."""
    token = sys.stdin.readline(2 * LONGEST_TOKEN).strip()
    if not (16 <= len(token) <= LONGEST_TOKEN and token.isascii() and token.isprintable()):
        raise click.UsageError(
            f"--token-stdin: 16 to {LONGEST_TOKEN} printable ASCII characters are wanted"
        )
    if " " in token or QUOTES & set(token):
        raise click.UsageError("--token-stdin: a token has no blanks and no quotes in it")
    return token


def _warning(one: Stored) -> str:
    if one.credential is None:
        return f"{printable(one.id)} cannot be read: its token is answered 503; revoke or mend it"
    if not one.ends_within(_WEEK):
        return ""
    state = "has expired" if one.ends_within(0) else "expires within a week"
    return f"{one.id} {printable(one.credential.label)} {state}".replace("  ", " ")


def _document(one: Stored) -> dict[str, Any]:
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


def _print_table(stored: list[Stored], of_subscriptions: int) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("id", "label", "listener", "created", "expires", "last used"):
        table.add_column(name, overflow="fold")
    for one in stored:
        said = _document(one)
        times = [(said[name] or "never")[:16] for name in ("created", "expires", "last_used")]
        words = [said["id"], said["label"], said["listener"] or "all", *times]
        table.add_row(*(Text(printable(word)) for word in words))
    if of_subscriptions:
        table.add_row("", f"subscriptions: {of_subscriptions:,}", "", "", "renewed", "")
    terminal().print(table)
