"""`receiver credentials`: add, list, rotate and revoke bearer tokens."""

import secrets
import time
from datetime import datetime

import click
import msgspec
import redis

from receiver.auth import credential_store
from receiver.auth.bearer import Credential
from receiver.auth.credential_store import Exists, NotReplicated, Stored
from receiver.cli.credential_options import (
    check_listener,
    expiry,
    named,
    read_token,
    refuse_several,
    the_newest,
)
from receiver.cli.terminal import credential_table, output, setup
from receiver.runtime import redis_errors


@click.group()
def command() -> None:
    """Add, list, rotate and revoke bearer tokens, without a restart.

    \b
      receiver credentials add --label att --listener promo
      receiver credentials list
      receiver credentials rotate att
      receiver credentials revoke 3fd1c0aa91b2

    Every change counts in all web processes within two seconds. Only a digest of each token is
    stored. Tokens in RECEIVER_BEARER_TOKENS are valid beside these and not listed.

    \b
    To replace a token without a gap: `rotate` it, register the new one with the carrier, and wait
    until `list` shows that it is used and the old one no longer is.
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
@output.json_instead
def add(
    label: str,
    listener: str | None,
    expires: datetime | None,
    days: int | None,
    *,
    token_stdin: bool,
    as_json: bool,
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
        listener=check_listener(listener, settings),
        expires=expiry(expires, days),
        created=time.time(),
    )
    token = read_token() if token_stdin else secrets.token_urlsafe(32)
    try:
        name = credential_store.add(setup.client_of(settings), token, credential)
    except Exists as known:
        raise setup.Refused(f"this token is stored already, as {known}") from None
    output.say(f"credential {name} is good within two seconds")
    if as_json:
        output.print_document({"id": name, "token": None if token_stdin else token})
    elif not token_stdin:
        click.echo(token)


@command.command("list", short_help="List the credentials, and warn of what expires.")
@output.json_option
def list_(*, as_json: bool) -> None:
    """List the credentials, the oldest first, and warn of those that expire within a week.

    \b
      receiver credentials list
      receiver credentials list | jq -r 'select(.id and .last_used == null).id'
      receiver credentials list >/dev/null || echo "look at the credentials"

    The credentials of subscriptions that receiver.toml declares are one line with a count and
    without an id: their controllers make and drop them.

    One that ends is no fault once another one with its label and its listener, which ends later,
    has been used: it says which.

    Exit codes: 0 nothing has to be done; 1 one has expired or expires within a week and none that
    is used takes its place, or one cannot be read; 2 a wrong setting or no Redis.
    """
    client = setup.client_of(setup.settings(file=False))
    stored, count = credential_store.all_stored(client), credential_store.subscriptions(client)
    if as_json:
        output.print_documents(map(credential_table.document, stored))
        if count:
            output.print_document({"id": None, "label": "subscriptions", "count": count})
    else:
        credential_table.show(stored, count)
    if not (stored or count):
        output.print_message("no credential is stored: `receiver credentials add`")
    remarks = [said for one in stored if (said := credential_table.remark(one, stored))]
    for said in remarks:
        output.say(said.line)
    raise SystemExit(int(any(said.needs_somebody for said in remarks)))


@command.command(short_help="Replace a token without a gap.")
@click.argument("name", metavar="ID|LABEL")
@click.option(
    "--keep-days",
    type=click.IntRange(1, 3650),
    default=7,
    show_default=True,
    help="How long the old token stays valid.",
)
@click.option("--days", type=click.IntRange(1, 36500), help="After how many days the new one ends.")
@output.json_instead
def rotate(name: str, keep_days: int, days: int | None, *, as_json: bool) -> None:
    """Replace a token without a gap: add one like it, print it, and let the old one end later.

    \b
      receiver credentials rotate att
      receiver credentials rotate 3fd1c0aa91b2 --keep-days 30 --days 365

    The new one has the label and the listener of the old one. Register it with the network before
    the old one ends: `receiver credentials list` shows which of them is used. Of several with this
    label it replaces the newest, if the others have its listener and end before it.

    Exit codes: 0 done; 1 no credential has this name; 2 a wrong option or setting, several have
    this label and do not end before the newest, no Redis, or done but not on so many replicas as
    RECEIVER_ACK_REPLICAS wants.
    """
    settings, token = setup.settings(file=False), secrets.token_urlsafe(32)
    client = setup.client_of(settings)
    old = the_newest(named(client, name))
    if old.credential is None:  # a new one would be valid for every listener
        raise setup.Refused(
            f"the record of {old.id} cannot be read, so what it is valid for is not known: "
            "`receiver credentials add` a new one, then revoke this one"
        )
    new = msgspec.structs.replace(old.credential, expires=expiry(None, days), created=time.time())
    added = credential_store.add(client, token, new)
    # At once: whatever becomes of the old one, nobody else has the new token.
    output.say(f"credential {added} is good within two seconds")
    if as_json:
        output.print_document({"id": added, "token": token, "replaces": old.id})
    else:
        click.echo(token)
    _let_end(client, old, keep_days, settings.ack_replicas)


def _let_end(client: redis.Redis, old: Stored, days: int, replicas: int) -> None:
    """Have the old token of a rotation end in some days. Raises `Refused`."""
    try:
        if not old.ends_within(days * 86400.0):
            when = time.time() + days * 86400
            credential_store.set_expiry(client, [old], when, replicas)
    except NotReplicated as error:
        _refuse_few(error)
    except redis.RedisError as error:
        raise setup.Refused(
            f"Redis: {redis_errors.message(error)}; {old.id} may not end by itself: "
            f"`receiver credentials revoke {old.id} --in-days {days}`"
        ) from None
    output.say(f"{old.id} ends in {days} days at the latest")


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
    settings = setup.settings(file=False)
    client, replicas = setup.client_of(settings), settings.ack_replicas
    stored = named(client, name)
    if not everything:
        refuse_several(stored)
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
        output.print_message(f"{'expires by then' if in_days else 'revoked'} {one.id}")
    _refuse_few(failure)


def _refuse_few(failure: NotReplicated | None) -> None:
    if failure:
        raise setup.Refused(
            f"{failure} replicas have it (RECEIVER_ACK_REPLICAS): after a failover to another one "
            "look at `receiver credentials list` and revoke it again"
        )
