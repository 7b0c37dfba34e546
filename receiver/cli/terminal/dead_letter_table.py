"""Prints dead letters: in a list, or one whole."""

import base64
from collections.abc import Iterable
from typing import Any

import click
import msgspec

from receiver.carriers.formats.charset import body_text
from receiver.cli.terminal.output import print_document, print_documents, printable
from receiver.cli.terminal.table import print_pairs, print_table
from receiver.cli.terminal.time_option import cut_time, format_time
from receiver.operations.dead_letters import Found, Summary


def show_list(summaries: Iterable[Summary], *, as_json: bool) -> int:
    """Print summaries, without phone numbers and message texts; return how many there were."""
    return print_documents(map(_document, summaries)) if as_json else _print_table(summaries)


def show_whole(found: Found, *, as_json: bool) -> None:
    """Print one dead letter with its body, which has phone numbers and message texts."""
    summary = _document(found.summary)
    if as_json:
        print_document(summary | body_members(found.body))
        return
    print_pairs((name, value) for name, value in summary.items() if value)
    print_body(found.body)


def _document(summary: Summary) -> dict[str, Any]:
    return msgspec.structs.asdict(summary) | {"at": format_time(summary.at)}


def _print_table(summaries: Iterable[Summary]) -> int:
    names = ("id", "given up", "type", "listener", "sink", "attempts", "reason")
    return print_table(names, map(_row, summaries))


def _row(one: Summary) -> tuple[object, ...]:
    at = cut_time(format_time(one.at))
    cells = (one.id, at, one.type or one.kind, one.listener, one.sink)
    return (*cells, one.attempts or "", one.reason)


def print_body(body: bytes) -> None:
    """Print a body for people: UTF-16 as its text, and as escapes what is no UTF-8."""
    text = body_text(body) if b"\0" in body else body.decode("utf-8", "backslashreplace")
    click.echo("\n" + printable(text, keep="\n\t") + "\n")


def body_members(body: bytes) -> dict[str, str]:
    """Return a body as a member of a JSON document: `body`, or `body_base64` if not UTF-8."""
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode()}
