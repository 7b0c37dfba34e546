"""`receiver export-person`: all that is stored about a person, printed."""

import base64
from itertools import chain
from typing import Any

import click
import msgspec

from receiver.cli.erase import copies_in, person_of, stored_total
from receiver.cli.terminal import output, setup
from receiver.cli.terminal.progress_bar import progress
from receiver.contract.records import (
    decode_attempt,
    decode_dead_letter,
    decode_delivery,
    decode_notification,
    decode_refusal,
)
from receiver.contract.stored_values import UNREADABLE
from receiver.erasure import spools, subscribed
from receiver.erasure.parked import not_looked_at
from receiver.erasure.stores import Found, find
from receiver.operations.sink_ledger import known_sinks
from receiver.subscriptions import slots


@click.command(short_help="Print all that is stored about a person.")
@click.argument("numbers", nargs=-1, required=True, metavar="NUMBER...")
@output.json_option
def command(*, numbers: tuple[str, ...], as_json: bool) -> None:
    """Print all that is stored about a person: the right of access (GDPR, article 15).

    \b
      receiver export-person +12065550100 > person.jsonl
      receiver export-person - < numbers > person.jsonl

    NUMBER has its country code; `-` reads numbers from stdin. One JSON document a line: `kind`,
    `key` and `entry` say where it is stored, `stored` what, whole. Nothing is changed. `receiver
    erase` finds the same, and says what of it stays. What is still on a spool is only counted, on
    stderr.

    Events that are parked on a worker's disk are not printed, which is said on stderr.

    Exit codes: 0 done, also where nothing is stored; 2 a wrong number or setting, or no Redis.
    """
    settings = setup.settings()
    person = person_of(numbers, settings)
    client = setup.client_of(settings, when_full=True)
    copies = copies_in(settings)
    with progress("looked at", stored_total(client, copies)) as passed:
        spooled = spools.erase(client, person.digits, output.WaitNotice(), dry_run=True)
        stored = find(client, person, known_sinks(client), copies, passed)
        found = chain(stored, subscribed.find(client, person))
        count = output.print_documents(map(_document, found))
        left = list(not_looked_at(client, "run this again once they have come back"))
    waiting = spooled.notifications + spooled.refusals
    if waiting:
        left.insert(0, f"{waiting} more wait on spools: run this again once they are in Redis")
    for sentence in (*left, *spooled.left, *person.left):
        output.say(sentence)
    if not (count or waiting):
        output.print_message("nothing is stored about this person")


_DECODE: dict[str, Any] = {
    "notification": decode_notification,
    "dead-letter": decode_dead_letter,
    "rejected": decode_refusal,
    "delivery": decode_delivery,
    "attempt": decode_attempt,
    "subscription": slots.decode,
}


def _document(found: Found) -> dict[str, Any]:
    decode = _DECODE.get(found.kind)
    try:
        stored = _readable(decode(found.stored)) if decode else msgspec.json.decode(found.stored)
    except UNREADABLE:
        stored = _text(found.stored)  # somebody else wrote it
    return {"kind": found.kind, "key": found.key, "entry": found.entry, "stored": stored}


def _readable(record: Any) -> dict[str, Any]:
    return {
        name: _inner(name, value) if isinstance(value, bytes) else value
        for name, value in msgspec.structs.asdict(record).items()
    }


def _inner(name: str, value: bytes) -> Any:
    if name == "notification" and value:
        return _readable(decode_notification(value))
    return _text(value)


def _text(value: bytes) -> Any:
    """Return bytes as text, or in base64 under a name that says so."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}
