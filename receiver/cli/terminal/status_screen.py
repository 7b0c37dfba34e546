"""The whole receiver on one screen: what takes in, what is kept, what goes out, what is wrong."""

import time
from collections.abc import Iterator
from typing import Any

import msgspec
import redis

from receiver.cli.terminal import setup
from receiver.cli.terminal.output import print_document, printable, terminal
from receiver.cli.terminal.sink_table import NOT_BEGUN, state
from receiver.cli.terminal.spool_depth import read_spool
from receiver.config.settings import Settings
from receiver.contract.stored_values import UNREADABLE
from receiver.metrics import snapshot
from receiver.metrics.counters import OTHER
from receiver.metrics.snapshot import Snapshot
from receiver.operations import sink_ledger
from receiver.operations.ledger import or_more
from receiver.runtime.blocking_http import BlockingHttp, Unreachable

Document = dict[str, Any]
Line = tuple[str, str, bool]
"""Name, what is said, whether all is well with it."""
_READY_WITHIN = 2.0
"""Seconds until a web process that does not answer counts as away."""
_GOOD = "[green]●[/] "
_BAD = "[red]![/] "
"""Another sign and not only another colour: not everybody, nor every terminal, has colours."""


class _Readiness(msgspec.Struct):
    """What `/readyz` says that people want to read."""

    reason: str = ""
    warnings: list[str] = []


def read(settings: Settings) -> Document:
    """Return the state of everything as JSON has it, or what is known while Redis is away."""
    spool = read_spool(settings)
    found: Document = {
        "web": _web(settings),
        "redis": {"reachable": False},
        "spool": {
            "notifications": spool.depth.notifications,
            "damaged": sum(spool.damaged.values()),
        },
        "sinks": [{"name": sink.name, "state": "unknown"} for sink in settings.sinks],
    }
    try:
        client = setup.client_of(settings)
        seen = snapshot.of_settings(client, settings)
        sinks = sink_ledger.read(client)
    except (setup.Refused, redis.RedisError) as error:
        refused = error if isinstance(error, setup.Refused) else setup.redis_fault(error)
        found["redis"]["why"] = refused.message
        return found
    here = {sink.name for sink in settings.sinks}
    found["sinks"] = [
        {"name": one.name, "state": state(one, here), "open": one.open, "reason": one.reason}
        for one in sinks
    ]
    for name in sorted(here - {one.name for one in sinks}):
        found["sinks"].append({"name": name, "state": NOT_BEGUN, "open": 0, "reason": ""})
    return found | _of(seen, settings)


def _of(seen: Snapshot, settings: Settings) -> Document:
    ledger = seen.ledger
    names = {one.name for one in settings.listeners} or set(seen.heard)
    # Where some were heard together, whether one that is absent was among them cannot be known.
    unknown = names - set(seen.heard) if OTHER in seen.heard else set()
    return {
        "redis": {
            "reachable": True,
            "used_bytes": seen.info.get("used_memory", 0),
            "limit_bytes": seen.info.get("maxmemory", 0),
        },
        "ledger": ledger and msgspec.to_builtins(ledger) | {"balanced": ledger.balanced},
        "oldest_open_seconds": seen.inbound.oldest,
        "lost": seen.lost,
        "workers": seen.workers,
        "listeners": {name: _silent(name, seen) for name in sorted(names - unknown)},
        "unknown_listeners": sorted(unknown),
        "polls": [
            {
                "name": one.name,
                "alive": one.alive(seen.now),
                "outcome": one.outcome,
                "trouble": one.trouble,
            }
            for one in seen.polls
        ],
        "operators": [
            {"name": one.name, "controlled": one.controlled, "trouble": one.trouble}
            for one in seen.operators
        ],
    }


def _silent(listener: str, seen: Snapshot) -> int | None:
    """Return the seconds since a listener was heard; None where it never was."""
    heard = seen.heard.get(listener)
    return round(max(0.0, seen.now - heard / 1000)) if heard else None


def _web(settings: Settings) -> Document:
    """Return what `/readyz` of the web process of this machine says."""
    url = setup.base_url(settings)
    try:
        answer = BlockingHttp(_READY_WITHIN).request("GET", f"{url}/readyz")
    except Unreachable as error:
        return {"url": url, "status": 0, "why": str(error)}
    try:
        said = msgspec.json.decode(answer.body)
    except UNREADABLE:
        said = {}  # another program listens there
    return {"url": url, "status": answer.status, "said": said}


def show(found: Document) -> None:
    """Print the state for people."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, line, good in _lines(found):
        table.add_row(name, (_GOOD if good else _BAD) + escape(printable(line)))
    terminal().print(table)


def _lines(found: Document) -> Iterator[Line]:
    """Yield what the screen has."""
    yield from _of_intake(found)
    yield from _of_work(found)


def _of_intake(found: Document) -> Iterator[Line]:
    web = found["web"]
    yield "web", f"{web['url']}: {_readiness(web)}", web["status"] == 200
    redis = found["redis"]
    if redis["reachable"]:
        share = f" of {redis['limit_bytes'] / 2**20:,.0f}" if redis["limit_bytes"] else ""
        yield "redis", f"{redis['used_bytes'] / 2**20:,.0f}{share} MiB", True
    else:
        yield "redis", redis["why"], False
    spool = found["spool"]
    said = f"{spool['notifications']:,} notifications wait, {spool['damaged']:,} are damaged"
    yield "spool", said, not (spool["notifications"] or spool["damaged"])
    if ledger := found.get("ledger"):
        counts = ("accepted", "published", "duplicate", "dead", "open")
        each = (f"{ledger[name]:,}{or_more(name, ledger['exact'])} {name}" for name in counts)
        said = ", ".join(each) + ("" if ledger["balanced"] else ": does not balance")
        yield "ledger", said, bool(ledger["balanced"] and not found["lost"])


def _of_work(found: Document) -> Iterator[Line]:
    for queue, count in found.get("workers", {}).items():
        yield "workers", f"{count} on {queue}", count > 0
    for sink in found["sinks"]:
        open_ = f", {sink['open']:,} open" if "open" in sink else ""
        why = f" ({sink['reason']})" if sink.get("reason") else ""
        yield "sink", f"{sink['name']}: {sink['state']}{open_}{why}", sink["state"] == "sending"
    for poll in found.get("polls", ()):
        said = poll["trouble"] or poll["outcome"] or "not polled yet"
        said = said if poll["alive"] else "no `receiver poll` looks after it"
        yield "poll", f"{poll['name']}: {said}", poll["alive"] and not poll["trouble"]
    for one in found.get("operators", ()):
        said = one["trouble"] or ("controlled" if one["controlled"] else "no controller runs")
        yield "operator", f"{one['name']}: {said}", one["controlled"] and not one["trouble"]
    for name, seconds in found.get("listeners", {}).items():
        said = "never heard" if seconds is None else f"last heard {_ago(seconds)} ago"
        yield "listener", f"{name}: {said}", seconds is not None
    for name in found.get("unknown_listeners", ()):
        yield "listener", f"{name}: unknown, too many names were heard to tell them apart", False


def _readiness(web: Document) -> str:
    """Return the status of `/readyz` with its reason and warnings; why, where nobody answered."""
    if not web["status"]:
        return str(web["why"])
    try:
        said = msgspec.convert(web["said"], _Readiness)
    except msgspec.ValidationError:
        said = _Readiness()  # another program listens there
    return "; ".join(filter(None, (str(web["status"]), said.reason, *said.warnings)))


def _ago(seconds: int) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def well(found: Document) -> bool:
    """Return whether all is well, apart from listeners that were never heard."""
    return all(good for name, _, good in _lines(found) if name != "listener")


def print_json(found: Document) -> None:
    """Print the state as one JSON document."""
    print_document(found | {"at": int(time.time()), "well": well(found)})
