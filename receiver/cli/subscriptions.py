"""`receiver subscriptions`."""

import sys
import time
from collections.abc import Iterable

import click
import msgspec
import redis

from receiver.cli import subscription_tables as tables
from receiver.cli.terminal import output, setup
from receiver.config.settings import Settings
from receiver.subscriptions import overview
from receiver.subscriptions.orders import Order

_WAITS = 60.0


@click.group()
def command() -> None:
    """The subscriptions that receiver.toml declares: how they stand, what is to be done.

    \b
      receiver subscriptions list
      receiver subscriptions plan && echo nothing to do
      receiver subscriptions show fleet --state refused

    Their controllers run under `receiver worker` and `receiver up`; what is ordered here, they do.
    Exit codes: 0 done; 1 there was nothing; 2 a wrong option or setting, no Redis, or, of `plan`,
    differences.
    """


def _open() -> tuple[Settings, redis.Redis]:
    settings = setup.settings()
    return settings, setup.connect(setup.redis_url(settings))


@command.command("list", short_help="Every set: how many are wanted, alive, refused; next end.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document per line.")
def list_(*, as_json: bool) -> None:
    """Every set: how many are wanted and alive, what the others wait for, when the next one ends.

    A table on a terminal; into a pipe, or with --json, one JSON document per line.
    """
    settings, client = _open()
    with setup.redis_faults():
        found = overview.read_sets(client, overview.read_slots(client), settings)
    if not found:
        output.nothing("receiver.toml declares no [[subscription]]")
    if as_json or not sys.stdout.isatty():
        _lines(found)
    else:
        tables.sets(found)


@command.command(short_help="The slots of a set: device, type, state, end.")
@click.argument("name")
@click.option("--state", help="Only those in this state.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document per line.")
def show(name: str, state: str | None, *, as_json: bool) -> None:
    """The slots of a set, or one slot: device, event type, state, the operator's id, the end.

    \b
      receiver subscriptions show fleet
      receiver subscriptions show fleet --state refused --json
    """
    _, client = _open()
    with setup.redis_faults():
        found = [
            slot
            for slot in overview.read_slots(client)
            if name in (slot.set, slot.id) and state in (None, slot.state)
        ]
    if not found:
        output.nothing("there is no such set, slot or state")
    if as_json or not sys.stdout.isatty():
        _lines(found)
    else:
        tables.slots(found)


@command.command(short_help="What is to be created and deleted; exit code 2 where anything is.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document per line.")
def plan(*, as_json: bool) -> None:
    """What is to be created and deleted, set by set. Nothing is done, no operator is asked.

    Exit code 0: all is as receiver.toml wants it; 2: it is not.
    """
    settings, client = _open()
    with setup.redis_faults():
        found = overview.plan(overview.read_slots(client), settings)
    if as_json:
        keys = ("name", "wanted", "have", "trouble")
        for each in found:
            counts = {key: getattr(each, key) for key in keys}
            more = {key: len(getattr(each, key)) for key in ("create", "delete", "again", "moved")}
            click.echo(msgspec.json.encode(counts | more | {"guarded": each.guarded}).decode())
    else:
        for each in found:
            click.echo(f"{each.name}: {tables.said(each)}")
    raise SystemExit(0 if all(each.empty for each in found) else 2)


@command.command(short_help="Compare and do it now.")
@click.option("--yes", is_flag=True, help="Also a deletion of more than a tenth of a set.")
def apply(*, yes: bool) -> None:
    """Compare with receiver.toml now, also the sets with apply = "manual", and do it.

    The controllers have read receiver.toml when they started: restart `receiver worker` after a
    change there. Files of devices are read again by themselves.
    """
    settings, client = _open()
    names = [one.name for one in settings.operators]
    with setup.redis_faults():
        for name in names:
            overview.enqueue_order(client, name, Order(do="apply", yes=yes))
        _await(client, names)


@command.command(short_help="Make a successor now.")
@click.argument("name")
def renew(name: str) -> None:
    """Make a successor of a slot's subscription, or of all of a set, now."""
    _each_slot(name, "renew")


@command.command(short_help="Delete a subscription.")
@click.argument("name")
def delete(name: str) -> None:
    """Delete the subscription of a slot, or an orphan by the operator's id.

    One that is still wanted is made anew: to end it, take its device out of the file.
    """
    settings, client = _open()
    with setup.redis_faults():
        if orphan := _orphan(settings, client, name):
            operator, base = orphan
            overview.enqueue_order(
                client, operator, Order(do="delete", base=base, subscription=name)
            )
            _await(client, [operator])
            return
    _each_slot(name, "delete")


@command.command(short_help="Take an orphan over.")
@click.argument("subscription")
def adopt(subscription: str) -> None:
    """Take over a subscription at our URL that was made elsewhere, by the operator's id.

    It serves until its successor, with a credential of ours, lives; then it is deleted.
    """
    settings, client = _open()
    with setup.redis_faults():
        orphan = _orphan(settings, client, subscription)
        if orphan is None:
            raise setup.Refused("no such orphan: see `receiver subscriptions orphans`")
        operator, base = orphan
        overview.enqueue_order(
            client, operator, Order(do="adopt", base=base, subscription=subscription)
        )
        _await(client, [operator])


@command.command(short_help="Subscriptions at our URL that nobody here has made.")
def orphans() -> None:
    """Subscriptions at our URL that nobody here has made: `adopt` or `delete` them by their id.

    The controllers look once an hour; their own leftovers they delete by themselves.
    """
    settings, client = _open()
    with setup.redis_faults():
        found = [
            {"operator": one.name, **each}
            for one in settings.operators
            for each in overview.read_orphans(client, one.name)
        ]
    if not found:
        output.nothing("there is none")
    _lines(found)


def _each_slot(name: str, do: str) -> None:
    _, client = _open()
    with setup.redis_faults():
        found = [slot for slot in overview.read_slots(client) if name in (slot.set, slot.id)]
        if not found or (do == "delete" and found[0].id != name):
            raise setup.Refused("there is no such slot: see `receiver subscriptions show`")
        for slot in found:
            order = msgspec.convert({"do": do, "slot": slot.id}, Order)
            overview.enqueue_order(client, slot.operator, order)
        _await(client, {slot.operator for slot in found})


def _orphan(settings: Settings, client: redis.Redis, name: str) -> tuple[str, str] | None:
    for one in settings.operators:
        for each in overview.read_orphans(client, one.name):
            if each["id"] == name:
                return one.name, each["base"]
    return None


def _await(client: redis.Redis, operators: Iterable[str]) -> None:
    """Until the controllers have taken the orders up."""
    until = time.monotonic() + _WAITS
    while any(overview.count_open_orders(client, name) for name in operators):
        if time.monotonic() > until:
            raise setup.Refused(
                "ordered, but no controller has taken it up: does `receiver worker` run?"
            )
        time.sleep(0.1)
    output.say("done: see `receiver subscriptions list`")


def _lines(found: Iterable[object]) -> None:
    for each in found:
        click.echo(msgspec.json.encode(each).decode())
