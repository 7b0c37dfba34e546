"""Prints refused requests: in a list, or one whole."""

from collections.abc import Iterable
from typing import Any

import click

from receiver.cli.terminal.dead_letter_table import body_members, print_body
from receiver.cli.terminal.output import print_document, print_documents, printable
from receiver.cli.terminal.table import print_pairs, print_table
from receiver.cli.terminal.time_option import cut_time, format_time
from receiver.operations.rejected_requests import Found

_COLUMNS = ("id", "at", "status", "callback", "listener", "bytes", "reason")


def show_list(found: Iterable[Found], *, as_json: bool) -> int:
    """Print requests without phone numbers and message texts; return how many there were."""
    if as_json:
        return print_documents(map(_document, found))
    return print_table(_COLUMNS, map(_row, found))


def _row(one: Found) -> list[object]:
    document = _document(one)
    document["at"] = cut_time(document["at"])
    return [document[name] for name in _COLUMNS]


def show_whole(found: Found, *, as_json: bool) -> None:
    """Print one with its headers and its body, which has phone numbers and message texts."""
    refusal = found.refusal
    if as_json:
        whole = _document(found) | {"headers": refusal.headers} | body_members(refusal.body)
        print_document(whole)
        return
    print_pairs(_document(found).items())
    click.echo()
    for name, value in refusal.headers:
        click.echo(f"{printable(name)}: {printable(value)}")
    print_body(refusal.body)


def _document(found: Found) -> dict[str, Any]:
    refusal = found.refusal
    return {
        "id": found.id,
        "at": format_time(refusal.received),
        "status": refusal.status,
        "callback": refusal.callback,
        "listener": refusal.listener,
        "reason": refusal.reason,
        "receipt": refusal.receipt,
        "bytes": len(refusal.body),
    }
