"""`receiver subscriptions`: list, plan and change what receiver.toml subscribes to."""

import time

import click
import redis

from receiver.cli import subscription_tables as tables
from receiver.cli.subscription_orders import (
    NOTHING_DECLARED,
    apply_sets,
    delete_slot,
    find_orphan,
    order_orphan,
    renew_slots,
)
from receiver.cli.terminal import output, setup
from receiver.config.settings import Settings
from receiver.subscriptions import overview
from receiver.subscriptions.slots import as_document


@click.group()
def command() -> None:
    """Manage the subscriptions at operators that receiver.toml declares.

    \b
      receiver subscriptions list
      receiver subscriptions plan && echo nothing to do
      receiver subscriptions show fleet --state refused

    `receiver worker` and `receiver up` run a controller for each operator, which carries out what
    these commands ask for.

    Exit codes: 0 done; 1 nothing that `show` names is there, (of `apply`) something is left undone,
    or (of `delete`) the slot has nothing to delete, or not yet; 2 a wrong option or setting, a
    slot, set or orphan that is none (of `renew`, `delete` and `adopt`), no Redis, no controller, an
    operator that refuses, or (of `plan`) differences.
    """


def _open() -> tuple[Settings, redis.Redis]:
    settings = setup.settings()
    return settings, setup.client_of(settings)


@command.command(
    "list", short_help="List the sets: how many are wanted and active, when the next one ends."
)
@output.json_option
def list_(*, as_json: bool) -> None:
    """List the sets: how many subscriptions are wanted, active, refused; when the next one ends.

    \b
      receiver subscriptions list
      receiver subscriptions list --json | jq -r 'select(.active < .wanted).name'

    """
    settings, client = _open()
    found = overview.read_sets(client, overview.read_slots(client), settings)
    if not found:
        output.print_message(NOTHING_DECLARED)
    output.print_documents(found) if as_json else tables.print_sets(found)


@command.command(short_help="Show the slots of a set: device, type, state, end.")
@click.argument("name")
@click.option("--state", help="Only slots in this state, such as refused.")
@output.json_option
def show(name: str, state: str | None, *, as_json: bool) -> None:
    """Show the slots of a set, or one slot: device, event type, state, subscription, end.

    \b
      receiver subscriptions show fleet
      receiver subscriptions show fleet --state refused --json
    """
    _, client = _open()
    found = [
        slot
        for slot in overview.read_slots(client)
        if name in (slot.set, slot.id) and state in (None, slot.state)
    ]
    if not found:
        said = "there is no such set, slot or state: see `receiver subscriptions list`"
        output.exit_undone(said)
    output.print_documents(map(as_document, found)) if as_json else tables.print_slots(found)


@command.command(short_help="Show what would be created and deleted; exit code 2 if anything.")
@output.json_option
def plan(*, as_json: bool) -> None:
    """Show what would be created and deleted in each set. Nothing is done, no operator is asked.

    \b
      receiver subscriptions plan
      receiver subscriptions plan --json | jq .create

    Exit codes: 0 all is as receiver.toml declares; 2 it is not, or a wrong setting or no Redis.
    """
    settings, client = _open()
    found = overview.plan(overview.read_slots(client), settings, time.time())
    if as_json:
        keys = ("name", "wanted", "have", "trouble", "left_at")
        for each in found:
            counts = {key: getattr(each, key) for key in keys}
            more = {key: len(getattr(each, key)) for key in ("create", "delete", "again", "moved")}
            output.print_document(counts | more | {"guarded": each.guarded})
    else:
        operators = {one.name for one in settings.operators}
        for each in found:
            click.echo(f"{each.name}: {tables.describe_difference(each, operators)}")
    if not found:
        output.print_message(NOTHING_DECLARED)
    raise SystemExit(0 if all(each.empty for each in found) else 2)


@command.command(short_help="Create and delete now what `plan` shows.")
@click.option("--yes", is_flag=True, help="Also delete more than a tenth of a set.")
def apply(*, yes: bool) -> None:
    """Create and delete now what `plan` shows, also for sets with apply = "manual".

    \b
      receiver subscriptions apply
      receiver subscriptions apply --yes

    A change of receiver.toml, or of a file of devices, counts within seconds by itself.

    Exit codes: 0 done; 1 something is left undone: more than a tenth of a set is to be deleted,
    which waits for --yes, or a file of devices cannot be read; 2 a wrong setting, no Redis, or no
    controller.
    """
    settings, client = _open()
    undone = apply_sets(client, settings, yes=yes)
    for said in undone:
        output.say(output.printable(said))
    raise SystemExit(1 if undone else 0)


@command.command(short_help="Renew a subscription now.")
@click.argument("name")
def renew(name: str) -> None:
    """Renew the subscription of a slot, or all of a set, now: each gets a successor.

    \b
      receiver subscriptions renew fleet
      receiver subscriptions renew fleet:0123456789abcdef0123
    """
    settings, client = _open()
    renew_slots(client, settings, name)


@command.command(short_help="Delete a subscription.")
@click.argument("name")
def delete(name: str) -> None:
    """Delete the subscription of a slot, or an orphan by the operator's id of it.

    \b
      receiver subscriptions delete fleet:0123456789abcdef0123

    A slot that is still declared gets a new subscription. To end it, remove its device from
    receiver.toml or the file of devices. One that is pending or unknown cannot be deleted before
    the operator has said that it is active: exit code 1.
    """
    settings, client = _open()
    if orphan := find_orphan(settings, client, name):
        order_orphan(client, orphan, "delete", name)
        return
    delete_slot(client, name)


@command.command(short_help="Adopt an orphan into its slot.")
@click.argument("subscription")
def adopt(subscription: str) -> None:
    """Adopt a subscription at our URL that was created elsewhere, by the operator's id of it.

    \b
      receiver subscriptions adopt 7c2a1f5e-0b7d-4c9e-9a39-2d6f0c9b1a11

    A successor with a token of the receiver's own is created at once; then it is deleted. Exit
    code 2 where the operator refuses, or no slot without a living subscription wants the same.
    """
    settings, client = _open()
    orphan = find_orphan(settings, client, subscription)
    if orphan is None:
        raise setup.Refused("no such orphan: see `receiver subscriptions orphans`")
    order_orphan(client, orphan, "adopt", subscription)


@command.command(short_help="List subscriptions at our URL that are in no record here.")
@output.json_option
def orphans(*, as_json: bool) -> None:
    """List subscriptions at our URL that are in no record here: `adopt` or `delete` them by id.

    \b
      receiver subscriptions orphans | jq -r .id

    The controllers search for them once an hour and at their start; when they last did is said on
    stderr. Orphans that they created themselves they delete; of what was lost with Redis' data,
    those that have been replaced.
    """
    settings, client = _open()
    found = [
        {"operator": one.name, **each}
        for one in settings.operators
        for each in overview.read_orphans(client, one.name)
    ]
    searched = {one.name: overview.read_search(client, one.name) for one in settings.operators}
    output.print_documents(found) if as_json else tables.print_orphans(found)
    if not found:
        output.print_message("there is none" if all(searched.values()) else "none is known")
    for said in tables.describe_searches(searched):
        output.print_message(said)
