"""`receiver watch`: messages whose delivery status is asked for."""

from collections import Counter
from typing import Any

import click

from receiver.cli.ledger import watch_sums
from receiver.cli.terminal import output, setup
from receiver.cli.terminal.table import print_table
from receiver.cli.terminal.time_option import cut_time, format_time
from receiver.operations import watch_ledger
from receiver.polling import watch_list
from receiver.polling.watch import Watch
from receiver.polling.watch_list import Unwatchable


@click.group()
def command() -> None:
    """Watch messages that were sent without a notification: their delivery status is asked for.

    \b
      receiver watch add SMSa9b4e1c25e2f8a0f
      receiver watch list
      receiver watch drop SMSa9b4e1c25e2f8a0f

    `receiver poll` asks 20 seconds after the beginning, then after 1, 2, 4, 8 minutes, then every
    10 minutes, until every address has its final status or 73 hours are over. Each new status is an
    event sms.delivery.updated.v1. Programs write themselves: XADD receiver:watch '*' id ID poll P.

    Exit codes: 0 done; 1 what was to be dropped is not watched; 2 a wrong option, setting or id, or
    no Redis.
    """


@command.command(short_help="Begin to watch messages.")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option(
    "--poll", "name", default="", help="A [[poll]] of kind att-status; not needed if it is alone."
)
@click.option("--sender", default="", help="The short code it was sent from (OneAPI's path).")
def add(ids: tuple[str, ...], name: str, sender: str) -> None:
    """Begin to watch messages, by the message id that Send SMS answered.

    \b
      receiver watch add SMSa9b4e1c25e2f8a0f --poll promo
      receiver watch add abc123 --sender 22627000

    Ids of the form 0x…L are refused: their status is pushed only. One that is watched already stays
    as it is.
    """
    settings = setup.settings()
    with setup.refused(Unwatchable):
        poll = watch_list.status_poll(settings.polls, name)
        client = setup.client_of(settings)
        for each in ids:
            watch_list.refuse(poll, each, sender)
    for each in ids:
        new = watch_list.add(client, poll.name, each, sender)
        said = "watched" if new else "watched already"
        output.print_message(f"{output.printable(each)}: {said}")


@command.command("list", short_help="List the messages that are watched.")
@click.option("--poll", "name", default="", help="Of this poll only.")
@output.json_option
def list_(name: str, *, as_json: bool) -> None:
    """List the messages that are watched, without telephone numbers.

    \b
      receiver watch list
      receiver watch list --poll promo | jq -r .id

    After a table come the sums: watched = final + gone + expired + dropped + open. Into a pipe they
    are on stderr.
    """
    client = setup.client_of(setup.settings(file=False))
    ledgers = [one for one in watch_ledger.read(client) if name in ("", one.poll)]
    rows = [
        _row(watch, due) for one in ledgers for watch, due in watch_list.listed(client, one.poll)
    ]
    if as_json:
        output.print_documents(rows)
    else:
        print_table(("poll", "id", "since", "looks", "due", "statuses"), map(_cells, rows))
    for one in ledgers:
        output.print_message(f"{one.poll}: {watch_sums(one)}")
    if not rows:
        output.print_message("no message is watched")


@command.command(short_help="End the watch of messages.")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--poll", "name", default="", help="Of this poll only, which may be a former one.")
def drop(ids: tuple[str, ...], name: str) -> None:
    """End the watch of messages: their status is not asked for any more, and there is no event.

    \b
      receiver watch drop SMSa9b4e1c25e2f8a0f
    """
    client = setup.client_of(setup.settings(file=False))
    polls = [name] if name else [one.poll for one in watch_ledger.read(client)]
    unknown = [
        each for each in ids if not sum(watch_list.drop(client, poll, each) for poll in polls)
    ]
    output.print_message(f"dropped {len(ids) - len(unknown)}")
    if unknown:
        said = f"not watched: {output.printable(' '.join(unknown))}; see `receiver watch list`"
        output.exit_undone(said)


def _row(watch: Watch, due: int) -> dict[str, Any]:
    words = Counter(status for status, _ in watch.known.values())
    return {
        "poll": watch.poll,
        "id": watch.id,
        "since": format_time(watch.since),
        "looks": watch.looks,
        "due": format_time(due),
        "statuses": dict(words),
    }


def _cells(row: dict[str, Any]) -> tuple[object, ...]:
    words = ", ".join(f"{count} {word}" for word, count in row["statuses"].items())
    since, due = cut_time(row["since"]), cut_time(row["due"])
    return row["poll"], row["id"], since, row["looks"], due, words
