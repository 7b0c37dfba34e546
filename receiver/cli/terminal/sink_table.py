"""Sinks in words and as a table."""

import time
from collections.abc import Collection
from typing import Final

from receiver.cli.terminal.table import print_table
from receiver.contract.redis_keys import RETIRED_SECONDS
from receiver.metrics.sink_snapshot import BEATS_WITHIN
from receiver.operations.ledger import or_more
from receiver.operations.sink_ledger import SinkLedger

_USUAL = ("events", "delivered", "open")
_RARE = (
    *("filtered", "dead", "retrying", "failed_attempts"),
    *("parked", "shed", "parked_damaged", "erased"),
)
"""Columns that are there where one of the sinks has such events."""
NOT_BEGUN: Final = "no worker has begun yet: start `receiver worker` with this receiver.toml"
"""What is said of a sink in `receiver.toml` that no worker ever had."""
_NEVER: Final = 10 * 365 * 86400
"""Seconds: no worker was away for longer; one that never had the sink is counted since 1970."""


def state(one: SinkLedger, configured: Collection[str]) -> str:
    """Return the state of a sink, as a phrase for people.

    `configured`: the names in `receiver.toml`. One of them is not gone because no worker runs.
    """
    if "state" in one.unreadable:
        return "unknown"
    if not one.begun:
        return "not configured"
    unknown = _unknown(one, configured)
    if one.stopped and (one.name in configured or not unknown):
        return f"stopped: {one.stopped}" + (f"; {unknown}" if unknown else "")
    if unknown:
        return unknown
    if one.parking_trouble:
        return f"cannot park: {one.parking_trouble}"
    if one.parked and one.parked_unseen_seconds > BEATS_WITHIN:
        return f"parked on {one.parked_on}, which no worker looks after"
    if one.failing:  # until a request succeeds, also while one asks
        seconds = one.open_until / 1000 - time.time()
        what = f"refuses everything ({one.refused})" if one.refused else "failing"
        return f"{what}: " + (f"tried again in {seconds:.0f} s" if seconds > 0 else "being tried")
    return "sending"


def _unknown(one: SinkLedger, configured: Collection[str]) -> str:
    """Say what it means that no worker has had a sink lately; empty where one has."""
    if one.name in configured and one.unknown_seconds > BEATS_WITHIN:
        since = f" for {one.unknown_seconds} s" if one.unknown_seconds < _NEVER else ""
        return f"no worker has had it{since}: start `receiver worker` with this receiver.toml"
    if BEATS_WITHIN < one.unknown_seconds <= RETIRED_SECONDS:
        hours = (RETIRED_SECONDS - one.unknown_seconds) / 3600
        also = f", and {one.parked} parked events are given up" if one.parked else ""
        what = "what is retried becomes dead letters, the rest is let go"
        return f"not configured any more: in {hours:.0f} h {what}{also}"
    return ""


def _cell(one: SinkLedger, name: str) -> object:
    more = or_more(name, one.exact)
    return f"{getattr(one, name):,}{more}" if more else getattr(one, name)


def print_sinks(found: list[SinkLedger], configured: Collection[str]) -> None:
    """Print a row for each sink; `configured`: the names in `receiver.toml`."""
    rare = [name for name in _RARE if any(getattr(one, name) for one in found)]
    numbers = (*_USUAL, *rare)
    names = ("sink", *(name.replace("_", " ") for name in numbers), "state", "why")
    rows = (
        (one.name, *(_cell(one, name) for name in numbers), state(one, configured), one.reason)
        for one in found
    )
    print_table(names, rows)
