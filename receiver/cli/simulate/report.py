"""Prints the progress of `receiver simulate`, and the verdict."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
import msgspec

from receiver.cli.terminal.output import print_document, say, terminal
from receiver.cli.terminal.table import print_pairs
from receiver.simulate.run import Progress
from receiver.simulate.verdict import Verdict, percentiles

_PLAIN_EVERY = 5.0
_RECENT = 2000
"""So many of the latest latencies make the percentile in the progress."""


@contextmanager
def progress() -> Iterator[Callable[[Progress], None]]:
    """Show the progress on stderr: a bar on a terminal, else a line every few seconds.

    Yield the function to call with each `Progress`.
    """
    if not sys.stderr.isatty():
        yield _Plain().show
        return
    live = _Live()
    with live.bar:
        yield live.show


def print_verdict(found: Verdict, *, as_json: bool) -> None:
    """Print a verdict: as one JSON document, or as a table."""
    if as_json:
        document = msgspec.structs.asdict(found) | {"faults": found.faults}
        print_document(document)
    else:
        _print_table(found)
    for fault in found.faults:
        say(fault)


class _Plain:
    """Progress as lines."""

    def __init__(self) -> None:
        self._next = _PLAIN_EVERY

    def show(self, now: Progress) -> None:
        if now.seconds >= self._next:
            self._next = now.seconds + _PLAIN_EVERY
            click.echo(_line(now), err=True)


class _Live:
    """Progress as a bar and one line, with current rates."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        columns = BarColumn(10), TextColumn("{task.description}")
        self.bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self.bar.add_task("")
        self._before: tuple[float, int, int] = (0.0, 0, 0)
        self._rates = ("", "")

    def show(self, now: Progress) -> None:
        ledger = now.ledger
        seconds, sent, acknowledged = self._before
        if (passed := now.seconds - seconds) >= 1:
            out, back = ledger.sent - sent, ledger.acknowledged - acknowledged
            self._rates = f" ({out / passed:,.0f}/s)", f" ({back / passed:,.0f}/s)"
            self._before = now.seconds, ledger.sent, ledger.acknowledged
        line = _line(now, *self._rates)
        self.bar.update(self._task, total=now.expected, completed=ledger.sent, description=line)


def _line(now: Progress, out: str = "", back: str = "") -> str:
    ledger = now.ledger
    p99 = percentiles(ledger.latencies[-_RECENT:])["p99"]
    return (
        f"{now.seconds:3.0f} s  {_doing(now)}sent {ledger.sent:,}{out}  "
        f"ack {ledger.acknowledged:,}{back}  published {ledger.published:,}  "
        f"waiting {now.waiting:,}  p99 {'-' if p99 is None else format(p99, ',.0f')} ms"
    )


def _doing(now: Progress) -> str:
    """Return what is not as usual; it stands where no narrow terminal cuts it off."""
    if now.stopped:
        return "stopping (Ctrl-C: at once)  "
    if not now.sending:
        return "settling  "
    return "nobody listens there yet  " if set(now.ledger.answers) == {"unreachable"} else ""


def _lines(found: Verdict) -> list[tuple[str, str]]:
    """Return names and values, the most important first."""
    took = "  ".join(f"{k} {'-' if v is None else v}" for k, v in found.latency.items())
    answers = "  ".join(f"{name} {count:,}" for name, count in found.answers.items())
    lines = [
        ("sent", f"{found.sent:,} in {found.seconds:,.1f} s, {found.attempts:,} attempts"),
        ("acknowledged", f"{found.acknowledged:,}"),
        ("answers", answers or "-"),
        ("latency in ms", took),
        ("given up", f"{found.given_up:,}"),
        ("subscriptions ended", f"{found.subscriptions_ended:,}, {found.withheld:,} withheld"),
        ("hostile", f"{found.hostile:,}, {found.hostile_taken:,} of them taken"),
    ]
    if found.verified:
        lines += [
            ("published", f"{found.published:,}"),
            ("lost", _count(found.lost, found.examples["lost"])),
            ("duplicated", _count(found.duplicated, found.examples["duplicated"])),
            ("out of order", f"{found.out_of_order:,}"),
        ]
    else:
        lines.append(("not verified", "no stream to read: give --redis-url or --from-stream"))
    return [*lines, ("to repeat", f"--seed {found.seed} --run {found.run}")]


def _count(count: int, examples: list[str]) -> str:
    return f"{count:,}" + (f" (such as {', '.join(examples)})" if examples else "")


def _print_table(found: Verdict) -> None:
    print_pairs(_lines(found))
    if not found.faults:
        held = ", none lost, none duplicated" if found.verified else ""
        terminal().print(f"[green]The receiver passed{held}.")
