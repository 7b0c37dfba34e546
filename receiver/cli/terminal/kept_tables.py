"""Prints dead letters and refused requests: in a list, or one whole."""

import base64
import sys
from collections.abc import Iterable
from typing import Any

import click
import msgspec

from receiver.carriers.formats.charset import body_text
from receiver.cli.terminal.output import print_document, print_documents, printable
from receiver.cli.terminal.table import print_pairs, print_table
from receiver.cli.terminal.time_option import cut_time, format_time
from receiver.operations import dead_letters, rejected_requests
from receiver.operations.dead_letters import Summary

_OF_REQUESTS = ("id", "at", "status", "callback", "listener", "bytes", "reason")


def list_letters(summaries: Iterable[Summary], *, as_json: bool) -> int:
    """Print dead letters without phone numbers and message texts; return how many there were."""
    if as_json:
        return print_documents(map(_letter, summaries))
    names = ("id", "given up", "type", "listener", "sink", "attempts", "reason")
    return print_table(names, map(_letter_row, summaries))


def show_letter(found: dead_letters.Found, *, as_json: bool) -> None:
    """Print one dead letter with its body, which has phone numbers and message texts."""
    summary = _letter(found.summary)
    if as_json:
        print_document(summary | _body_members(found.body))
        return
    print_pairs((name, value) for name, value in summary.items() if value)
    print_body(found.body)


def list_requests(found: Iterable[rejected_requests.Found], *, as_json: bool) -> int:
    """Print requests without phone numbers and message texts; return how many there were."""
    if as_json:
        return print_documents(map(_request, found))
    return print_table(_OF_REQUESTS, map(_request_row, found))


def show_request(found: rejected_requests.Found, *, as_json: bool) -> None:
    """Print one with its headers and its body, which has phone numbers and message texts."""
    refusal = found.refusal
    if as_json:
        whole = _request(found) | {"headers": refusal.headers} | _body_members(refusal.body)
        print_document(whole)
        return
    print_pairs(_request(found).items())
    click.echo()
    for name, value in refusal.headers:
        click.echo(f"{printable(name)}: {printable(value)}")
    print_body(refusal.body)


def _letter(summary: Summary) -> dict[str, Any]:
    return msgspec.structs.asdict(summary) | {"at": format_time(summary.at)}


def _letter_row(one: Summary) -> tuple[object, ...]:
    at = cut_time(format_time(one.at))
    cells = (one.id, at, one.type or one.kind, one.listener, one.sink)
    return (*cells, one.attempts or "", one.reason)


def _request(found: rejected_requests.Found) -> dict[str, Any]:
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


def _request_row(one: rejected_requests.Found) -> list[object]:
    document = _request(one)
    document["at"] = cut_time(document["at"])
    return [document[name] for name in _OF_REQUESTS]


def print_body(body: bytes) -> None:
    """Print a body for people: UTF-16 as its text, and as escapes what is no UTF-8."""
    text = body_text(body) if b"\0" in body else body.decode("utf-8", "backslashreplace")
    click.echo("\n" + printable(text, keep="\n\t") + "\n")


def write_body(body: bytes, *, end: str = "") -> None:
    """Write a body as it came; on a terminal without what could control that."""
    if sys.stdout.isatty():
        print_body(body)
    else:
        click.echo(body + end.encode(), nl=False)


def _body_members(body: bytes) -> dict[str, str]:
    """Return a body as a member of a JSON document: `body`, or `body_base64` if not UTF-8."""
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode()}
