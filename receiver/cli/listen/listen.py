"""`receiver listen`: deliver the events to a web hook on this machine, a line for each."""

import os
import sys
from collections.abc import Callable, Iterator
from itertools import chain, islice

import click
import redis

from receiver.cli.listen import lines
from receiver.cli.listen import secret as secrets
from receiver.cli.listen.forwarding import Forwarding
from receiver.cli.listen.lines import Delivery, Lines
from receiver.cli.listen.options import Header, HookUrl
from receiver.cli.terminal import event_filter, output, setup
from receiver.cli.terminal.event_filter import EventFilter, EventHead, Place, head_of
from receiver.cli.terminal.event_reader import EventReader
from receiver.cli.terminal.options import NumberOption
from receiver.cli.terminal.output import say
from receiver.cli.terminal.time_option import TimeOption
from receiver.contract.records import numbered
from receiver.contract.redis_keys import EVENTS
from receiver.operations.look import Look
from receiver.runtime.blocking_http import BlockingHttp


@click.command()
@click.option(
    "--forward-to",
    type=HookUrl(),
    help="Where to post them: a URL, localhost:3000/hook, or a port. None: they are only listed.",
)
@click.option("--since", type=TimeOption(), help="Begin at a time, or an age such as 10m or 2h.")
@event_filter.options
@click.option("-H", "--header", "headers", type=Header(), multiple=True, help="One more header.")
@click.option("--skip-verify", is_flag=True, help="Take any certificate of an https URL.")
@click.option(
    "--timeout",
    type=NumberOption(0.1, 3600),
    default=30.0,
    show_default=True,
    help="Seconds for an answer.",
)
@click.option("--event", metavar="ID", help="Deliver this one, which is stored, and end.")
@click.option("-n", "--count", type=click.IntRange(1), help="Stop after so many events.")
@click.option("--print-secret", is_flag=True, help="Print the secret that it signs with, and end.")
@output.json_option
def command(
    *,
    forward_to: str | None,
    since: int | None,
    types: tuple[str, ...],
    listeners: tuple[str, ...],
    where: tuple[Place, ...],
    headers: tuple[tuple[str, str], ...],
    skip_verify: bool,
    timeout: float,
    event: str | None,
    count: int | None,
    print_secret: bool,
    as_json: bool,
) -> None:
    """Deliver the events to a web hook on this machine as a sink would, without configuring one.

    \b
      receiver listen --forward-to localhost:3000/events
      receiver listen --forward-to 3000 --type 'sms.*' --since 10m
      receiver listen --forward-to 3000 --event 3755e6e1424c59b188228b29ebdd1e72
      export WEBHOOK_SECRETS=$(receiver listen --print-secret)
      receiver listen | jq -r .type           without a URL: which events come out

    Each is posted as the `http` sink posts it (structured mode, signed as Standard Webhooks), one
    after the other; a line says how it was answered, and never whom it is about. The secret is
    RECEIVER_LISTEN_SECRET, else one that is made and stays the same. Nothing is tried again:
    --since and --event send again what was. While nobody listens at the URL, or Redis is away, it
    waits. It reads without a consumer group: consumers and sinks miss nothing.

    On a terminal a line for people, into a pipe a line of JSON. Ctrl-C ends it with a summary;
    --count ends it with exit code 1 if anything was not answered 2xx.
    """
    settings = setup.settings(file=False)
    if print_secret:
        secrets.refuse_passing(os.environ, settings.data_dir)
    secret = secrets.signing_secret(os.environ, settings.data_dir)
    if print_secret:
        click.echo(secret)
        return
    http = BlockingHttp(timeout, verify=not skip_verify)
    deliver: Deliver = lambda head, _: lines.delivery(head)  # noqa: E731 - only listed
    if forward_to:
        deliver = Forwarding(forward_to, secret, headers, http, say).deliver
    client = setup.client_of(settings)
    reader = EventReader(client, say)
    wanted, shown = EventFilter(types, listeners, where), Lines(as_json=as_json)
    try:
        reader.start_at_end() if since is None else reader.start_at(since)
        _introduce(forward_to or "", secret)
        found = _stored(client, event) if event else _events(reader, wanted)
        for head, document in islice(found, count and min(count, sys.maxsize)):
            shown.show(deliver(head, document))
    except KeyboardInterrupt:
        shown.summarise()
        raise
    finally:
        http.close()
    shown.summarise()
    raise SystemExit(0 if shown.all_taken or not forward_to else 1)


Deliver = Callable[[EventHead, bytes], Delivery]


def _events(reader: EventReader, wanted: EventFilter) -> Iterator[tuple[EventHead, bytes]]:
    """Yield what is an event of ours and wanted, as a sink sends it."""
    for entry, event in reader.entries():
        if not (head := head_of(event)) or not event.startswith(b"{"):
            say(f"{entry} is no event of ours: left out")
        elif wanted.wants(event):
            yield head, numbered(entry, event)


def _stored(client: redis.Redis, name: str) -> Iterator[tuple[EventHead, bytes]]:
    """Yield the newest event with this id. Raises `Refused` where it is stored no more."""
    for entry, fields in chain.from_iterable(Look(client).back(EVENTS)):
        event = fields.get(b"event", b"")
        if name.encode() in event and (head := head_of(event)) and head.id == name:
            yield head, numbered(entry, event)
            return
    raise setup.Refused(f"no event with the id {name!r} is stored: `receiver tail --since 1d`")


def _introduce(url: str, secret: str) -> None:
    if not url:
        say("listening; with --forward-to they are delivered")
        return
    say(f"listening; events go to {url.partition('?')[0]}")
    of_environment = os.environ.get(secrets.VARIABLE, "").strip()
    say(f"signed with {secrets.VARIABLE if of_environment else secret}")
