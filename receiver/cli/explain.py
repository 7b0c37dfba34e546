"""`receiver explain`: the history of one notification."""

from typing import Any

import click
import redis

from receiver.carriers.formats.json_body import as_raw
from receiver.cli.terminal import output, setup
from receiver.cli.terminal.kept_tables import write_body
from receiver.cli.terminal.table import print_pairs
from receiver.cli.terminal.time_option import format_time
from receiver.contract.redis_keys import DEAD_LETTERS
from receiver.operations.explain import Line, Story, Unknown, bodies, explain, explain_soon
from receiver.operations.notification_entries import is_receipt, milliseconds


@click.command()
@click.argument("id")
@output.json_option
@click.option("--everything", is_flag=True, help="Look at all dead letters that came after it.")
@click.option("--body", is_flag=True, help="Print only the body that came under this receipt.")
def command(id: str, *, as_json: bool, everything: bool, body: bool) -> None:  # noqa: A002 - what the argument is called
    """Print the history of one notification, in order of time, without personal data.

    \b
      receiver explain 019c1387a9a1b2c3d4e00000000        a receipt: x-receipt-id, or in the logs
      receiver explain 3755e6e1424c59b188228b29ebdd1e72   an event
      receiver explain 1764000000000-0                    an entry of any stream of the receiver's

    When it came and to which listener, what became of it, its events, dead letters with their
    reasons, and where each event stands with every sink and consumer group. Of an event that a
    subscription of receiver.toml brought: its set, slot and generation. Of a duplicate: the
    event that it repeats, and how to look at that. It knows what is still stored: raw notifications
    a day, events a week, dead letters 30 days. The ids of receipts and entries hold their time, and
    are found at once; of dead letters those of the next hour are looked at, and it says so where
    there are later ones: --everything looks at them too. An event's own id is looked for from the
    newest event back, which takes some seconds in a million.

    With --body it prints the body as it came, numbers and texts included: of a body with several
    items each event has only its own. Of a batch it prints a notification a line. On a terminal
    what could control it is replaced.

    Exit codes: 0 found; 1 nothing is stored under this id; 2 a wrong setting, or no Redis.
    """
    settings = setup.settings()
    client = setup.client_of(settings)
    if body:
        _print_bodies(client, id)
        return
    try:
        stories = (explain if everything else explain_soon)(client, id, settings)
    except Unknown as unknown:
        output.exit_undone(f"{unknown}; `receiver tail --since 1d` shows what there is")
    for story in stories:
        output.print_document(_document(story)) if as_json else _print(story)
        if at := story.reached.get(DEAD_LETTERS):
            click.echo(
                f"Dead letters after {format_time(milliseconds(at))} were not looked at: a sink "
                f"may have given up later. receiver explain {id} --everything looks at all.",
                err=True,
            )


def _print_bodies(client: redis.Redis, receipt: str) -> None:
    found = bodies(client, receipt) if is_receipt(receipt) else []
    if not found:
        output.exit_undone(
            f"no body is stored under the receipt {receipt} (any more): `receiver explain` names "
            "the receipt of an event"
        )
    for each in found:  # of several each is an item of a batch, and so JSON
        write_body(bytes(as_raw(each)) if len(found) > 1 else each, end="\n")


def _document(story: Story) -> dict[str, object]:
    lines = [
        {"at": format_time(line.at), "what": line.what, **_about(line)} for line in story.lines
    ]
    found = {"streams": story.streams} if story.streams else {}
    return {"receipt": story.receipt, "outcomes": story.outcomes, **found, "story": lines}


def _print(story: Story) -> None:
    streams = f" ({', '.join(story.streams)})" if story.streams else ""
    click.echo(f"{story.receipt}: {', '.join(story.outcomes)}{streams}")
    lines = []
    for line in story.lines:
        about = "  ".join(f"{name}={value}" for name, value in _about(line).items() if value != "")
        lines.append((f"  {format_time(line.at)}", f"{line.what}  {about}"))
    print_pairs(lines)


def _about(line: Line) -> dict[str, Any]:
    """Return a line's fields with `due` as a time."""
    due = {"due": format_time(line.about["due"])} if line.about.get("due") else {}
    return line.about | due
