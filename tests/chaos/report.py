"""A run in words: one page for each seed, and a page with all of them."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from msgspec import Struct

from tests.chaos import limits, plot
from tests.chaos.faults import Done
from tests.chaos.judge import Judged
from tests.chaos.measure import AFTERMATH, Measured
from tests.chaos.schedule import KINDS


class Result(Struct, frozen=True):
    """Everything that is known about a finished run."""

    seed: int
    seconds: float
    spool: bool
    verdict: dict[str, Any]
    """Of `receiver simulate`."""
    books: dict[str, Any]
    """Of `receiver ledger`."""
    faults: list[Done]
    surprises: list[str]
    machine: str
    measured: Measured
    settled: float
    """Seconds after the last answer to a carrier in which everything had come out."""
    around: Judged
    """What became of everything around the load."""
    limited: bool = True
    """Whether an interruption beyond its limit is a failure."""

    @property
    def wrong(self) -> list[str]:
        """Why the run failed; empty when it did not."""
        found: list[str] = [*self.verdict["faults"]]
        if not self.books["balanced"]:
            found.append("the ledger does not balance")
        if self.books["open"]:
            found.append(f"{self.books['open']:,} notifications are still open")
        if self.books["dead"]:
            found.append(f"{self.books['dead']:,} became dead letters")
        late = limits.missed(self.measured.kinds, spool=self.spool) if self.limited else []
        return [*found, *self.around.wrong, *self.surprises, *late]


def write(result: Result, into: Path) -> None:
    """Page and picture of this run, and the page with all runs that lie there."""
    into.mkdir(parents=True, exist_ok=True)
    own = into / f"seed-{result.seed}"
    own.with_suffix(".md").write_text("\n".join(_page(result)) + "\n", "utf-8")
    own.with_suffix(".json").write_text(json.dumps(_row(result), indent=2) + "\n")
    rows = sorted(
        (json.loads(each.read_text()) for each in into.glob("*.json")), key=lambda row: row["seed"]
    )
    (into / "README.md").write_text("\n".join(_index(rows)) + "\n", "utf-8")
    sent, faults = result.verdict["sent"], result.faults
    title = f"seed {result.seed}: {len(faults)} faults, {sent:,} notifications"
    begun = result.verdict["begun"]
    plot.draw(own.with_suffix(".svg"), title, result.measured.seconds, faults, begun)


def _row(result: Result) -> dict[str, Any]:
    verdict, measured = result.verdict, result.measured
    return {
        "seed": result.seed,
        "seconds": round(result.seconds),
        "spool": "on" if result.spool else "off",
        "faults": len(result.faults),
        "sent": verdict["sent"],
        "acknowledged": verdict["acknowledged"],
        "published": verdict["published"],
        "lost": verdict["lost"],
        "duplicated": verdict["duplicated"],
        "balanced": result.books["balanced"],
        "p99 in calm, ms": measured.calm["p99"],
        "longest interruption, s": measured.gap.seconds,
        "kinds": {kind: [*each] for kind, each in sorted(measured.kinds.items())},
        "limits": limits.verdicts(measured.kinds, spool=result.spool),
    }


def _index(rows: list[dict[str, Any]]) -> list[str]:
    kinds = [row.pop("kinds", {}) for row in rows]
    verdicts = [row.pop("limits", {}) for row in rows]
    return [
        "# Chaos",
        "",
        *_INTRODUCTION,
        "",
        f"| {' | '.join(rows[0])} |",
        f"|{'---|' * len(rows[0])}",
        *(_table_row(row) for row in rows),
        "",
        f"In calm: due and acknowledged outside every fault and the {AFTERMATH:g} s after it,",
        "counted from the moment it was due. Everything runs on one machine. The longest",
        "interruption is the longest time without any acknowledgement.",
        "",
        *_interruptions(rows, kinds),
        "",
        *_limits(rows, verdicts),
    ]


_INTRODUCTION = """
`make chaos` plays the networks (`receiver simulate`) against two web processes, two workers and a
Valkey with `appendfsync always`. Beside the load an operator's subscriptions are renewed, a gateway
is polled, people watch the console's live tail, events go to three sinks (a stream, a web hook, and
one whose consumer is dead, so that its events are parked), `receiver.toml` changes and a credential
is rotated. Meanwhile processes are killed, frozen and restarted, and connections cut, held, delayed
and reset, at moments that follow from the seed.

It passes when nothing that was acknowledged is lost, nothing came out twice, the ledger and the
sinks' books balance, every event has reached all three sinks once the dead consumer is back (the
stream exactly once), every slot has a live subscription with its credential and none lives beside,
every polled message came out once, a new token is let in and a revoked one is not, and viewers see
what is new. `make chaos SEED=7 SECONDS=60` is another run, or a shorter one.
""".strip().splitlines()


def _interruptions(rows: list[dict[str, Any]], kinds: list[dict[str, Any]]) -> list[str]:
    """A table of the longest interruption by kind of fault and run."""
    seeds = [f"seed {row['seed']}" for row in rows]
    return [
        "The longest interruption by kind of fault, in seconds. In brackets: only beside faults of",
        "other kinds.",
        "",
        f"| fault | {' | '.join(seeds)} |",
        f"|{'---|' * (len(rows) + 1)}",
        *(
            f"| {KINDS[kind].words} | {' | '.join(_seconds(each.get(kind)) for each in kinds)} |"
            for kind in KINDS
        ),
    ]


def _limits(rows: list[dict[str, Any]], verdicts: list[dict[str, str]]) -> list[str]:
    """A table of the limits of an interruption, and whether each run kept them."""
    seeds = [f"seed {row['seed']}" for row in rows]
    return [
        "What is judged of that: a web process is killed beside another one; Valkey is killed, and",
        "web processes have a spool.",
        "",
        f"| fault | at most, s | {' | '.join(seeds)} |",
        f"|{'---|' * (len(rows) + 2)}",
        *(
            f"| {KINDS[kind].words} | {limit.seconds:g} "
            f"| {' | '.join(each.get(kind, '-') for each in verdicts)} |"
            for kind, limit in limits.LIMITS.items()
        ),
    ]


def _seconds(found: list[Any] | None) -> str:
    if not found:
        return "-"
    seconds, alone = found
    return f"{seconds:.2f}" if alone else f"({seconds:.2f})"


def _table_row(row: dict[str, Any]) -> str:
    cells = [f"{v:,}" if isinstance(v, int | float) else str(v) for v in row.values()]
    cells[0] = f"[{row['seed']}](seed-{row['seed']}.md)"
    cells[list(row).index("balanced")] = "yes" if row["balanced"] else "no"
    return f"| {' | '.join(cells)} |"


def _page(result: Result) -> list[str]:
    verdict, measured, gap = result.verdict, result.measured, result.measured.gap
    said = ", ".join(f"{name} {count:,}" for name, count in verdict["answers"].items())
    ledger = [each for each in result.books.items() if each[0] not in ("sinks", "watches")]
    return [
        f"# Chaos, seed {result.seed}",
        "",
        f"**{'Passed' if not result.wrong else 'Failed: ' + '; '.join(result.wrong)}.** "
        f"{len(result.faults)} faults in {result.seconds:.0f} s, "
        f"the spool {'on' if result.spool else 'off'}.",
        "",
        f"![rate, latency and faults over time](seed-{result.seed}.svg)",
        "",
        "| | |",
        "|---|---|",
        f"| notifications sent | {verdict['sent']:,}, in {verdict['attempts']:,} attempts |",
        f"| acknowledged | {verdict['acknowledged']:,} |",
        f"| given up by the carriers | {verdict['given_up']:,} |",
        f"| published | {verdict['published']:,} |",
        f"| lost | {verdict['lost']:,} |",
        f"| duplicated | {verdict['duplicated']:,} |",
        f"| everything had come out | {result.settled:.0f} s after the last answer |",
        f"| out of order | {verdict['out_of_order']:,} |",
        f"| answers | {said} |",
        f"| subscriptions ended by a wrong 401 or 410 | {verdict['subscriptions_ended']:,} |",
        f"| acknowledgement in calm ({measured.calm_share:.0%} of all) | {_took(measured.calm)} |",
        f"| acknowledgement over all | {_took(verdict['latency'])} |",
        f"| longest interruption | {gap.seconds} s, {gap.begin:.0f} s after the beginning "
        f"({', '.join(dict.fromkeys(gap.during)) or 'no fault'}) |",
        *(
            f"| limit of {limits.LIMITS[kind].seconds:g} s where {KINDS[kind].words} | {said} |"
            for kind, said in limits.verdicts(measured.kinds, spool=result.spool).items()
        ),
        f"| the ledger | {', '.join(f'{name} {count}' for name, count in ledger)} |",
        *(f"| {name} | {said} |" for name, said in result.around.said.items()),
        f"| machine | {result.machine} |",
        f"| processes that ended unharmed | {'; '.join(result.surprises) or 'none'} |",
        "",
        *_examples(verdict),
        "## The faults",
        "",
        *_kinds(result.faults),
        "",
        "| at, s | fault | of | for, s |",
        "|---|---|---|---|",
        *(
            f"| {done.begun - verdict['begun']:.1f} | {done.fault.kind} | {done.fault.target} "
            f"| {done.ended - done.begun:.1f} |"
            for done in sorted(result.faults, key=lambda done: done.begun)
        ),
    ]


def _examples(verdict: dict[str, Any]) -> list[str]:
    """Marks to look for."""
    found = {name: marks for name, marks in verdict["examples"].items() if marks}
    return [f"{name}: {', '.join(marks)}\n" for name, marks in found.items()]


def _took(latency: dict[str, float | None]) -> str:
    return ", ".join(f"{name} {'-' if v is None else f'{v:,.1f}'}" for name, v in latency.items())


def _kinds(faults: list[Done]) -> list[str]:
    counts = Counter(done.fault.kind for done in faults)
    return [f"- {count}: {KINDS[kind].words}" for kind, count in sorted(counts.items())]
