"""`receiver ledger`: counts of notifications by outcome, and whether they balance."""

from typing import Final

import click
import msgspec
import redis

from receiver.cli.terminal import output, setup
from receiver.cli.terminal.spool_depth import read_spool
from receiver.health import data_loss
from receiver.intake.spool import location
from receiver.operations import ledger, sink_ledger, watch_ledger
from receiver.operations.ledger import MEANING, Ledger, or_more
from receiver.operations.sink_ledger import SinkLedger
from receiver.operations.watch_ledger import WatchLedger


@click.command()
@output.json_option
def command(*, as_json: bool) -> None:
    """Print the ledger: how many notifications have which outcome, all counted at one moment.

    \b
      receiver ledger
      receiver ledger | jq .open
      receiver ledger >/dev/null || echo "something is missing"

    accepted = published + duplicate + dead + erased + open. Of each sink: events = delivered +
    filtered + dead + parked + shed + parked_damaged + erased + open. Of the messages whose delivery
    status is asked for (`receiver watch`): watched = final + gone + expired + dropped + open. Exit
    code 1 if one of them does not hold, or if Redis has lost what it had (`lost`).

    `spooled` counts the acknowledged notifications in this machine's spool (RECEIVER_SPOOL_DIR, or
    the spool in the data directory) that are not in Redis yet; `spool_damaged` counts, at least,
    those set aside there as damaged: exit code 1 unless it is 0. While Redis is unreachable only
    `spooled` is printed, and the exit code is 2.
    """
    settings = setup.settings(file=False)
    client = setup.client_of(settings)
    spool = read_spool(settings)
    spooled, damaged = spool.depth.notifications, sum(spool.damaged.values())
    try:
        counts, sinks = ledger.read(client), sink_ledger.read(client)
        watches = watch_ledger.read(client)
    except redis.RedisError:
        if spooled:
            output.print_result(f"spooled {spooled}", as_json=as_json, spooled=spooled)
        raise
    watched = all(one.balanced for one in watches)
    balanced = counts.balanced and watched and all(one.balanced for one in sinks)
    on_disk = {"spooled": spooled, "spool_damaged": damaged}
    if as_json:
        each = {"sinks": sinks, "watches": watches, "balanced": balanced}
        output.print_document(msgspec.structs.asdict(counts) | on_disk | each)
    else:
        _print_table(counts, on_disk, sinks, watches)
        if balanced:
            output.terminal().print("[green]The ledger balances.")
    if not balanced:
        output.say("the ledger does not balance: docs/failures.md, The ledger does not balance")
    if counts.lost:
        output.say(data_loss.loss_message(counts.lost))
    for sentence in location.faults(spool.damaged, spool.unreadable):
        output.say(sentence)
    if counts.lost or damaged or not balanced:
        raise SystemExit(1)


def _sums(one: SinkLedger) -> str:
    """Return a sink's counts, which add up to `events`: rare ones where it has any, `open` last."""
    rare = ("parked", "shed", "parked_damaged", "erased")
    names = ("events", "delivered", "filtered", "dead", *rare, "open")
    counts = [(name, getattr(one, name)) for name in names]
    said = " ".join(f"{name} {count}" for name, count in counts if count or name not in rare)
    return said + or_more("open", one.exact)


def watch_sums(one: WatchLedger) -> str:
    """Return the counts of a poll's watched messages, which add up to `watched`; and `same`."""
    names = ("watched", "final", "gone", "expired", "dropped", "open", "same")
    return " ".join(f"{name} {getattr(one, name)}" for name in names)


_ON_DISK: Final = {
    "spooled": "on this machine's disk, not in Redis yet",
    "spool_damaged": "set aside on this machine's disk",
}


def _print_table(
    counts: Ledger, on_disk: dict[str, int], sinks: list[SinkLedger], watches: list[WatchLedger]
) -> None:
    from rich.table import Table

    table = Table(box=None, show_header=False)
    table.add_column(justify="right", style="bold")
    for name, meaning in MEANING.items():
        more = ";" * (name == "open" and not counts.exact) + or_more(name, counts.exact)
        table.add_row(f"{getattr(counts, name):,}", name, f"[dim]{meaning}{more}")
    for name, count in on_disk.items():
        table.add_row(f"{count:,}", name, f"[dim]{_ON_DISK[name]}")
    for one in sinks:
        table.add_row("", f"sink {one.name}", f"[dim]{_sums(one)}")
    for each in watches:
        table.add_row("", f"watch {each.poll}", f"[dim]{watch_sums(each)}")
    output.terminal().print(table)
