"""`receiver erase`: all that is stored about a person goes."""

import sys
from collections.abc import Sequence
from typing import Final

import click
import msgspec
import redis

from receiver.cli.terminal import output, setup
from receiver.cli.terminal.progress_bar import progress
from receiver.config.settings import RedisStreamSink, Settings
from receiver.contract.redis_keys import (
    DEAD_LETTERS,
    DELIVERIES,
    EVENTS,
    INBOUND,
    REJECTED,
    WATCHES,
    retry_due,
    sink_deliveries,
)
from receiver.erasure import spools
from receiver.erasure.erase import Eraser, Report
from receiver.erasure.person import Person
from receiver.operations.sink_ledger import known_sinks

_PLURALS: Final = {"delivery": "deliveries", "copy": "copies", "watch": "watches"}


def person_of(numbers: tuple[str, ...], settings: Settings) -> Person:
    """Return the person with these telephone numbers; `-` reads them from stdin, one a line."""
    if numbers == ("-",):
        numbers = tuple(line.strip() for line in sys.stdin if line.strip())
    with setup.refused(ValueError):
        return Person(numbers, settings)


def copies_in(settings: Settings) -> list[str]:
    """Return the company's streams on our own Redis that sinks fill."""
    return [
        sink.stream
        for sink in settings.sinks
        if isinstance(sink, RedisStreamSink) and sink.redis_url in (None, settings.redis_url)
    ]


def stored_total(client: redis.Redis, more: Sequence[str]) -> int:
    """Return how many entries and deliveries there are. `more` are further streams. Raises
    `redis.RedisError`.
    """
    sinks = known_sinks(client)
    pipe = client.pipeline(transaction=False)
    streams = (INBOUND, EVENTS, DEAD_LETTERS, REJECTED, DELIVERIES, *more)
    for stream in (*streams, *map(sink_deliveries, sinks)):
        pipe.xlen(stream)
    for sink in sinks:
        pipe.zcard(retry_due(sink))
    pipe.hlen(WATCHES)
    return sum(pipe.execute())


@click.command(short_help="Erase all that is stored about a person.")
@click.argument("numbers", nargs=-1, metavar="NUMBER...")
@click.option("--dry-run", is_flag=True, help="Count what would be erased; change nothing.")
@click.option("--copies", is_flag=True, help="Also on your own streams that sinks fill here.")
@click.option("--yes", is_flag=True, help="Do not ask first.")
@click.option("--forget-spool", metavar="SPOOL", help="Forget one whose disk is gone, and end.")
@output.json_option
def command(
    *,
    numbers: tuple[str, ...],
    dry_run: bool,
    copies: bool,
    yes: bool,
    forget_spool: str | None,
    as_json: bool,
) -> None:
    """Erase all that is stored about a person: the right to erasure (GDPR, article 17).

    \b
      receiver erase +12065550100 --dry-run
      receiver erase +12065550100
      receiver erase - --yes --json < numbers > report.json

    NUMBER has its country code; all numbers of one call are one person's. `-` reads them from
    stdin, which keeps them out of the shell's history and the list of processes. Whatever names
    a number goes, however it was written: what came in, also what is on the spool of a host where
    `receiver web` runs, events, dead letters, rejected requests, what waits to be delivered again
    or is parked on a worker's disk, how deliveries were answered, what polled devices said last,
    and which statuses of messages to the person were known: their watches end. What a sink had
    still to get is not delivered and counts as `erased` in its ledger. Then the server rewrites its
    log. The report counts what went and names nobody. May be repeated at will. The spool of a host
    that will never come back is left each time, and named, until --forget-spool has it forgotten.

    Subscriptions to this person's devices stay, and the report says so: they end with what declares
    them.

    Not in reach, and to be seen to elsewhere: what consumers have, backups, replicas that are away,
    what your own receiver.toml and devices files name, and the identities of notifications, which
    are digests that end by themselves.

    Exit codes: 0 nothing is left; 1 something is, and the report says what to do, or there is no
    such spool to forget; 2 a wrong number or setting, a spool that a web process has, or no Redis.
    """
    if bool(numbers) == (forget_spool is not None):
        raise click.UsageError("either NUMBER... or --forget-spool SPOOL is wanted")
    settings = setup.settings()
    if forget_spool is not None:
        if dry_run or copies:
            option = "--dry-run" if dry_run else "--copies"
            raise click.UsageError(f"--forget-spool takes no {option}")
        _forget_spool(setup.client_of(settings, when_full=True), forget_spool)
        return
    person = person_of(numbers, settings)
    client = setup.client_of(settings, when_full=True)
    own = copies_in(settings)
    if not (dry_run or yes):
        click.confirm("Erase all that is stored about this person, for good?", abort=True, err=True)
    eraser: Eraser | None = None
    try:
        with progress("looked at", stored_total(client, own)) as passed:
            streams, say = own if copies else (), output.WaitNotice()
            eraser = Eraser(client, person, streams, passed=passed, say=say)
            report = eraser.run(dry_run=dry_run)
    except (redis.RedisError, KeyboardInterrupt):
        if eraser and (so_far := eraser.stopped()):
            _print(so_far, as_json=as_json)
        raise
    if own and not copies:
        report.left.append(f"{', '.join(own)}: your own, not looked at; --copies does")
    _print(report, as_json=as_json)
    if not (report.complete or dry_run):
        raise SystemExit(1)


def _forget_spool(client: redis.Redis, name: str) -> None:
    """Forget a spool that the report of an earlier run names. Raises `Refused`."""
    with setup.refused(ValueError):
        host = spools.forget(client, name)
    if host is None:
        output.exit_undone(f"there is no spool {name!r}: `receiver erase` names those left")
    output.print_message(f"forgotten: the spool on {output.printable(host)}")


def _print(report: Report, *, as_json: bool) -> None:
    if as_json:
        document = msgspec.to_builtins(report) | {"complete": report.complete}
        output.print_document(document)
        return
    verb = "would be erased" if report.dry_run else "erased"
    for kind, count in report.erased.items():
        word = kind.replace("-", " ")
        click.echo(f"{count:>9,} {word if count == 1 else _PLURALS.get(word, f'{word}s')} {verb}")
    if not report.erased:
        click.echo(f"nothing {'was erased' if report.left else 'is stored about this person'}")
    if report.undelivered:
        word = "delivery" if report.undelivered == 1 else "deliveries"
        click.echo(f"{report.undelivered:>9,} {word} to sinks will not happen")
    for sentence in report.uncounted:
        click.echo(f"not counted: {sentence}")
    click.echo(f"the server's log: {report.log}")
    for sentence in report.later:
        click.echo(f"later: {sentence}")
    for sentence in report.left:
        click.echo(f"left: {sentence}")
