"""`receiver tail`: print events as they are published."""

import sys
from itertools import islice

import click

from receiver.cli.terminal import event_filter, output, setup
from receiver.cli.terminal.event_filter import EventFilter, Place
from receiver.cli.terminal.event_reader import EventReader, event_printer
from receiver.cli.terminal.time_option import TimeOption


@click.command()
@click.option("--from-start", is_flag=True, help="Begin with the oldest event on the stream.")
@click.option("--since", type=TimeOption(), help="Begin at a time, or an age such as 10m or 2h.")
@click.option("-n", "--count", type=click.IntRange(1), help="Stop after so many events.")
@click.option(
    "--no-follow", is_flag=True, help="Stop at the end of the stream, do not wait for more."
)
@event_filter.options
@output.json_option
def command(
    *,
    from_start: bool,
    since: int | None,
    count: int | None,
    no_follow: bool,
    types: tuple[str, ...],
    listeners: tuple[str, ...],
    where: tuple[Place, ...],
    as_json: bool,
) -> None:
    """Print events as they are published on the stream receiver:events, until Ctrl-C.

    \b
      receiver tail                               events from now on
      receiver tail --since 10m                   also those of the last ten minutes
      receiver tail --type 'sms.*' --listener promo
      receiver tail --where data.status=failed    those of which this is true
      receiver tail --from-start --no-follow      all that are stored, then stop
      receiver tail | jq -r .data.text            one JSON document per line into a pipe

    It reads without a consumer group: consumers miss nothing. When Redis becomes unreachable it
    waits and goes on where it was.
    """
    client = setup.client_of(setup.settings(file=False))
    reader = EventReader(client, output.say)
    moment = 0 if from_start or (no_follow and since is None) else since
    reader.start_at_end() if moment is None else reader.start_at(moment)
    show = event_printer(as_json=as_json)
    wanted = EventFilter(types, listeners, where).wants
    events = filter(wanted, reader.events(wait=not no_follow))
    for event in islice(events, count and min(count, sys.maxsize)):
        show(event)
