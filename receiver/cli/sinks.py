"""`receiver sinks`: list, test, pause, start and remove sinks, give up what is parked of one."""

import click
import msgspec
import redis

from receiver.cli import sink_trial
from receiver.cli.terminal import output, setup, spool_depth
from receiver.cli.terminal.sink_table import NOT_BEGUN, print_sinks, state
from receiver.config.settings import Settings
from receiver.metrics.sink_snapshot import BEATS_WITHIN
from receiver.operations import parked_events, sink_ledger, sink_orders
from receiver.operations.sink_ledger import SinkLedger


@click.group()
def command() -> None:
    """Manage sinks: list, test, pause and start them, remove one that is gone from receiver.toml.

    \b
      receiver sinks list
      receiver sinks test billing
      receiver sinks list | jq -r 'select(.stopped != "").name'
      receiver sinks pause billing
      receiver sinks start billing
      receiver sinks remove billing
      receiver sinks skip-parked billing

    Exit codes: 0 done; 1 there was nothing to do; 2 a wrong option or setting, or no Redis.
    """


@command.command("list", short_help="List the sinks: state, counts, last failure.")
@output.json_option
def list_(*, as_json: bool) -> None:
    """List the sinks: each one's state, its events by outcome, and its last failure.

    \b
      receiver sinks list
      receiver sinks list | jq -r 'select(.state != "sending") | .name + ": " + .state'

    events = delivered + filtered + dead + parked + shed + parked_damaged + erased + open;
    `retrying` is a part of `open`. A table on a terminal.
    While Redis is unreachable only the names in receiver.toml and the depth of the spool are
    printed, and the exit code is 2.
    """
    settings = setup.settings()
    client = setup.client_of(settings)
    try:
        found = sink_ledger.read(client)
    except redis.RedisError:
        _print_without_redis(settings)
        raise
    configured = {sink.name for sink in settings.sinks}
    if as_json:
        output.print_documents(
            msgspec.structs.asdict(one) | {"state": state(one, configured)} for one in found
        )
    else:
        print_sinks(found, configured)
    if begins := sorted(configured - {one.name for one in found}):
        output.print_message(f"{', '.join(begins)}: {NOT_BEGUN}")
    elif not found:
        output.print_message("no sink has been given anything yet")


command.add_command(sink_trial.command)


@command.command(short_help="Start a sink that was stopped.")
@click.argument("name")
def start(name: str) -> None:
    """Start a sink that was paused, or stopped because its consumer answered 410.

    \b
      receiver sinks start billing

    Its open events are sent within seconds, oldest first. Exit code 1: it was not stopped.
    """
    client = setup.client_of(setup.settings(file=False))
    one = _known(client, name)
    was_stopped = sink_orders.start(client, name)
    said = f"{name} sends again"
    if one.unknown_seconds > BEATS_WITHIN:
        said += " once a worker has it: name it in receiver.toml, and run `receiver worker`"
    output.print_message(said if was_stopped else f"{name} was not stopped")
    raise SystemExit(0 if was_stopped else 1)


@command.command(short_help="Send nothing to a sink until it is started.")
@click.argument("name")
@click.option("--reason", default="paused", help="What `sinks list` says of it.  [default: paused]")
def pause(name: str, reason: str) -> None:
    """Send nothing to a sink until it is started, such as while its consumer is being moved.

    \b
      receiver sinks pause billing --reason "moved to the new cluster"
      receiver sinks start billing

    Requests that are under way end. What comes meanwhile waits, as for a consumer that is down:
    for `give_up_hours`, within the sink's share of memory. Exit code 1: it was stopped already.
    """
    client = setup.client_of(setup.settings(file=False), when_full=True)
    _known(client, name)
    paused = sink_orders.pause(client, name, reason)
    output.print_message(f"{name} is paused" if paused else f"{name} was stopped already")
    raise SystemExit(0 if paused else 1)


@command.command(short_help="Remove a sink that is gone from receiver.toml.")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask first.")
def remove(name: str, *, yes: bool) -> None:
    """Remove a sink that is gone from receiver.toml, now instead of after a day.

    \b
      receiver sinks remove billing

    What is being retried becomes dead letters, within seconds where a worker runs; what else it had
    to get is let go, and counted. Events that nobody else reads are kept no longer for it. Should
    receiver.toml name it again, it begins with what comes from then on.

    Exit codes: 0 done; 2 there is no such sink, receiver.toml or a running worker still has it, or
    no Redis.
    """
    settings = setup.settings()
    client = setup.client_of(settings, when_full=True)
    one = _known(client, name)
    if name in {sink.name for sink in settings.sinks}:
        raise setup.Refused(f"receiver.toml has {name!r}: take it out there first")
    if not one.begun and sink_orders.is_retired(client, name):
        output.print_message(f"{name} is gone already: only its counts are kept")
        return
    if one.unknown_seconds <= BEATS_WITHIN:
        raise setup.Refused(
            f"a worker still has {name!r}, or had it a moment ago: take it out of the "
            "receiver.toml of every worker; from a minute later on it can be removed"
        )
    if not yes:
        click.confirm(f"{_what_becomes(one)}. Remove it?", abort=True, err=True)
    sink_orders.retire_now(client, name)
    output.print_message(f"{name} goes with the next sweep of a worker")


def _what_becomes(one: SinkLedger) -> str:
    """Say what becomes of what a sink had to get, once it is retired."""
    said = f"{one.name} had {one.open + one.parked:,} events to get: {one.retrying:,} that are "
    said += f"retried become dead letters, {one.open - one.retrying:,} others are let go"
    return f"{said}, {one.parked:,} parked ones are given up" if one.parked else said


def _known(client: redis.Redis, name: str) -> SinkLedger:
    """Return the ledger of a sink. Raises `Refused` where there is none of this name."""
    found = next((one for one in sink_ledger.read(client) if one.name == name), None)
    if found is None:
        raise setup.Refused(f"no worker has begun a sink {name!r}: see `receiver sinks list`")
    return found


@command.command(short_help="Give up a sink's parked events, whose disk is lost.")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do it although a worker still looks after that disk.")
def skip_parked(name: str, *, yes: bool) -> None:
    """Give up the parked events of a sink whose disk is lost: newer ones no longer wait behind
    them.

    \b
      receiver sinks skip-parked billing

    They count as `parked_damaged`. Should the disk be seen again its files are kept, as .unclaimed.
    What is still on the stream `receiver replay` sends. Exit code 1: nothing of it was parked.
    """
    client = setup.client_of(setup.settings(file=False))
    found = _known(client, name)
    if found.parked and found.parked_unseen_seconds <= BEATS_WITHIN and not yes:
        raise setup.Refused(
            f"a worker on {found.parked_on} has that disk: they come back by themselves; --yes "
            "gives them up all the same"
        )
    count = parked_events.skip(client, name)
    output.print_message(f"{name}: {count} parked events given up")
    raise SystemExit(0 if count else 1)


def _print_without_redis(settings: Settings) -> None:
    if waiting := spool_depth.describe(settings):
        output.say(waiting)
    names = ", ".join(f"{one.name} ({one.__struct_config__.tag})" for one in settings.sinks)
    output.say(f"sinks in receiver.toml: {names or 'none'}")
