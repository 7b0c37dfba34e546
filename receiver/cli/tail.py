"""`receiver tail`: print events as they are published."""

from itertools import islice

import click
import redis

from receiver.cli.terminal import setup
from receiver.cli.terminal.event_reader import Follow, printer
from receiver.cli.terminal.time_option import Moment


@click.command()
@click.option("--from-start", is_flag=True, help="Begin with the oldest event that is kept.")
@click.option("--since", type=Moment(), help="Begin at a time, or an age such as 10m or 2h.")
@click.option("-n", "--count", type=click.IntRange(1), help="Stop after so many events.")
@click.option("--no-follow", is_flag=True, help="Stop when there are no more, do not wait.")
def command(*, from_start: bool, since: int | None, count: int | None, no_follow: bool) -> None:
    """Print events as they are published on the stream receiver:events. Ctrl-C ends it.

    \b
      receiver tail                               what comes out from now on
      receiver tail --since 10m                   and what came out in the last ten minutes
      receiver tail --from-start --no-follow      what is there, then stop
      receiver tail | jq -r .data.text            one JSON document per line into a pipe

    It reads beside everybody else: nothing is taken away from a consumer. When Redis goes away it
    waits and goes on where it was.
    """
    client = setup.connect(setup.redis_url(setup.settings(file=False)))
    follow = Follow(client, lambda line: click.echo(f"receiver: {line}", err=True))
    try:
        _begin(follow, 0 if from_start or (no_follow and since is None) else since)
        show = printer()
        for event in islice(follow.events(wait=not no_follow), count):
            show(event)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except redis.RedisError as error:
        raise setup.Refused(f"Redis: {error}") from None


def _begin(follow: Follow, moment: int | None) -> None:
    if moment is None:
        follow.skip_past()
    else:
        follow.begin_at(moment)
