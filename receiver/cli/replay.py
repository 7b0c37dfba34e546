"""`receiver replay`: send past events to a sink again."""

import time
from collections.abc import Callable
from functools import partial

import click
import redis

from receiver.cli.terminal import output, setup
from receiver.cli.terminal.progress_bar import progress
from receiver.cli.terminal.time_option import TimeOption, format_time
from receiver.config.settings import Settings, SinkSettings
from receiver.contract.redis_keys import EVENTS
from receiver.operations.event_replay import (
    Replay,
    Step,
    Stopped,
    Wanted,
    refuse_stopped,
    until_now,
)


@click.command()
@click.option("--sink", required=True, help="Name of a sink in receiver.toml.")
@click.option("--since", type=TimeOption(), required=True, help="An age (2h) or a time.")
@click.option("--until", type=TimeOption(), help="Before this time.  [default: now]")
@click.option("--type", "types", multiple=True, help="Only these types; a glob such as sms.*")
@click.option("--listener", "listeners", multiple=True, help="Only of these listeners.")
@click.option("--dry-run", is_flag=True, help="Count only, send nothing.")
@output.json_option
def command(
    sink: str,
    since: int,
    until: int | None,
    types: tuple[str, ...],
    listeners: tuple[str, ...],
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Send events that are still on the stream to one sink again.

    \b
      receiver replay --sink billing --since 2h --dry-run
      receiver replay --sink billing --since 2026-01-31T12:00:00Z --until 2026-01-31T13:00:00Z
      receiver replay --sink crm --since 1d --type "sms.*" --listener promo

    The times are those of publication. Each event keeps its id, and gets the attribute
    "replayed": true; the sink's own filters apply. The command takes as long as the sink does: it
    waits while the sink is behind. Ctrl-C or SIGTERM is safe: what was handed over is delivered,
    and the last line says where to go on. An event that still waits for the sink is not queued a
    second time.

    Exit codes: 0 done; 1 nothing matched, or the sink is stopped; 2 a wrong option or setting, or
    no Redis; 130 interrupted.
    """
    settings = setup.settings()
    chosen = _sink(settings, sink)
    client = setup.client_of(settings)
    # An age is reckoned by this machine's clock, and the events have Redis' times.
    until = max(until_now(client), int(time.time() * 1000)) if until is None else until
    if until <= since:
        raise click.BadParameter("a time after --since is wanted", param_hint="--until")
    wanted = Wanted(since=since, until=until, types=types, listeners=listeners)
    try:
        refuse_stopped(client, sink)
        replay = Replay(client, chosen, wanted, output.WaitNotice())
        report = partial(_report, dry=dry_run, as_json=as_json)
        total = _run(client, replay, since, report, dry=dry_run)
    except Stopped as why:
        output.exit_undone(f"{why}; `receiver sinks start {sink}`")
    if not total:
        raise SystemExit(1)


def _sink(settings: Settings, name: str) -> SinkSettings:
    for sink in settings.sinks:
        if sink.name == name:
            return sink
    names = ", ".join(sink.name for sink in settings.sinks) or "none"
    raise click.BadParameter(
        f"there is no sink {name!r} in receiver.toml: it has {names}", param_hint="--sink"
    )


def _run(
    client: redis.Redis, replay: Replay, since: int, report: Callable[[Step], None], *, dry: bool
) -> int:
    """Replay step by step and print the counts; where it does not come to its end, also where to go
    on. Returns how many matched.
    """
    done = Step(str(since), 0, 0, 0)
    try:
        with progress("Events", client.xlen(EVENTS)) as bar:
            for step in replay.steps(dry=dry):
                bar(step.looked_at)
                done = Step(
                    step.last,
                    done.looked_at + step.looked_at,
                    done.chosen + step.chosen,
                    done.new + step.new,
                )
    except (KeyboardInterrupt, Stopped, redis.RedisError) as end:
        if isinstance(end, KeyboardInterrupt) or done.looked_at:
            report(done)
            moment = format_time(int(done.last.partition("-")[0]))
            click.echo(f"interrupted; go on with --since {moment}", err=True)
        raise
    report(done)
    return done.chosen


def _report(done: Step, *, dry: bool, as_json: bool) -> None:
    what = "would be sent" if dry else "handed over to the sink"
    waited = f", {done.chosen - done.new} waited for it already" if done.chosen > done.new else ""
    output.print_result(
        f"{done.new} of {done.looked_at} events {what}{waited}",
        as_json=as_json,
        looked_at=done.looked_at,
        matched=done.chosen,
        new=done.new,
        dry_run=dry,
    )
