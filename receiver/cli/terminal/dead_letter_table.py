"""Prints dead letters: as a table on a terminal, as lines of JSON into a pipe."""

import base64
import sys
from collections.abc import Iterable

import click
import msgspec

from receiver.cli.terminal.output import printable, terminal
from receiver.cli.terminal.time_option import format_time
from receiver.operations.dead_letters import Found, Summary


def show_list(summaries: Iterable[Summary]) -> int:
    """Print summaries, without phone numbers and message texts; return how many there were."""
    return _print_table(summaries) if sys.stdout.isatty() else _print_lines(summaries)


def show_whole(found: Found) -> None:
    """Print one dead letter with its body, which has phone numbers and message texts."""
    summary = msgspec.structs.asdict(found.summary) | {"at": format_time(found.summary.at)}
    if not sys.stdout.isatty():
        click.echo(msgspec.json.encode(summary | body_members(found.body)))
        return
    for name, value in summary.items():
        if value:
            click.echo(f"{name:>9}  {printable(value)}")
    click.echo("\n" + printable(found.body.decode("utf-8", "backslashreplace"), keep="\n\t") + "\n")


def _print_lines(summaries: Iterable[Summary]) -> int:
    count = 0
    for summary in summaries:
        document = msgspec.structs.asdict(summary) | {"at": format_time(summary.at)}
        click.echo(msgspec.json.encode(document))
        count += 1
    return count


def _print_table(summaries: Iterable[Summary]) -> int:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("id", "given up", "type", "listener", "sink", "attempts", "reason"):
        table.add_column(name, overflow="fold", no_wrap=name == "id")
    for one in summaries:
        cells = (one.id, format_time(one.at)[:19], one.type or one.kind, one.listener, one.sink)
        words = (*cells, one.attempts or "", one.reason)
        table.add_row(*(Text(printable(word)) for word in words))
    if table.row_count:
        terminal().print(table)
    return table.row_count


def body_members(body: bytes) -> dict[str, str]:
    """Return a body as a member of a JSON document: `body`, or `body_base64` if not UTF-8."""
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode()}
