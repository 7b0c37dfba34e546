"""`receiver ledger`."""

import sys

import click
import msgspec
import redis

from receiver import ledger
from receiver.cli import environment
from receiver.ledger import Books

_MEANING = {
    "accepted": "acknowledged to the carrier",
    "published": "came out as events",
    "duplicate": "came before",
    "dead": "could not be understood; kept as dead letters",
    "open": "not done yet",
    "events": "on the stream so far; one notification may hold several",
    "late": "of them statuses that came after a final one",
    "rejected": "authentic but refused; kept with the reason",
    "dead_dropped": "dead letters that somebody dropped",
    "dead_trimmed": "dead letters that were too old or too many",
    "events_trimmed": "events that were too old or too many",
    "events_unread_trimmed": "of them not yet read, once per consumer group",
}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document, for programs.")
def command(*, as_json: bool) -> None:
    """Print the books, in notifications, all of one moment.

    \b
      receiver ledger
      receiver ledger --json | jq .open
      receiver ledger --json >/dev/null || echo "something is missing"

    accepted = published + duplicate + dead + open. Exit code 1 if that does not hold.
    """
    client = environment.connect(environment.redis_url(environment.settings()))
    try:
        books = ledger.read(client)
    except redis.RedisError as error:
        raise environment.Refused(f"Redis: {error}") from None
    if as_json:
        document = msgspec.structs.asdict(books) | {"balanced": books.balanced}
        click.echo(msgspec.json.encode(document).decode())
    elif sys.stdout.isatty():
        _print_table(books)
    else:
        for name in _MEANING:
            click.echo(f"{name} {getattr(books, name)}")
    if not books.balanced:
        click.echo("receiver: the books do not balance", err=True)
        raise SystemExit(1)


def _print_table(books: Books) -> None:
    from rich.table import Table

    from receiver.cli.output import terminal

    table = Table(box=None, show_header=False)
    table.add_column(justify="right", style="bold")
    for name, meaning in _MEANING.items():
        table.add_row(f"{getattr(books, name):,}", name, f"[dim]{meaning}")
    terminal().print(table)
    if books.balanced:
        terminal().print("[green]The books balance.")
