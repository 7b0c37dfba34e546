"""`receiver tail`."""

import re
import time
from datetime import UTC, datetime
from itertools import islice

import click
import redis

from receiver.cli import environment
from receiver.cli.follow import Follow, printer

_AGE = re.compile(r"(\d+)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class _Moment(click.ParamType[int]):
    """An age such as 10m, or an RFC 3339 time; milliseconds since 1970."""

    name = "moment"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if age := _AGE.fullmatch(value):
            return int((time.time() - int(age[1]) * _SECONDS[age[2]]) * 1000)
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(
                f"{value!r}: an age such as 90s, 10m, 2h, 1d or a time such as "
                "2026-01-31T12:00:00Z is wanted",
                param,
                ctx,
            )
        return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)


@click.command()
@click.option("--from-start", is_flag=True, help="Begin with the oldest event that is kept.")
@click.option("--since", type=_Moment(), help="Begin at a time, or an age such as 10m or 2h.")
@click.option("-n", "--count", type=click.IntRange(1), help="Stop after so many events.")
@click.option("--no-follow", is_flag=True, help="Stop when there are no more, do not wait.")
def command(*, from_start: bool, since: int | None, count: int | None, no_follow: bool) -> None:
    """Print events as they come out of the stream receiver:events. Ctrl-C ends it.

    \b
      receiver tail                               what comes out from now on
      receiver tail --since 10m                   and what came out in the last ten minutes
      receiver tail --from-start --no-follow      what is there, then stop
      receiver tail | jq -r .data.text            one JSON document per line into a pipe

    It reads beside everybody else: nothing is taken away from a consumer. When Redis goes away it
    waits and goes on where it was.
    """
    client = environment.connect(environment.redis_url(environment.settings()))
    follow = Follow(client, lambda line: click.echo(f"receiver: {line}", err=True))
    try:
        _begin(follow, 0 if from_start or (no_follow and since is None) else since)
        show = printer()
        for event in islice(follow.events(wait=not no_follow), count):
            show(event)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except redis.RedisError as error:
        raise environment.Refused(f"Redis: {error}") from None


def _begin(follow: Follow, moment: int | None) -> None:
    if moment is None:
        follow.skip_past()
    else:
        follow.begin_at(moment)
