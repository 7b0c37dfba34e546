"""How many notifications a second are acknowledged: closed loop, one web process each.

`python -m benchmarks.ack --help`. `make bench` runs it among everything else.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from benchmarks import contenders, machine, notifications
from benchmarks.calm import Result, calm
from benchmarks.contenders import (
    BULLMQ,
    BULLMQ_EVERYSEC,
    EMPTY,
    OURS,
    OURS_EVERYSEC,
    TEXTBOOK,
    WEBDIS,
    Contender,
    fresh,
)
from benchmarks.load import closed
from benchmarks.rounds import Round, against, disturbance, interleave, shown, table, values

CONNECTIONS = 64
ORDER = (TEXTBOOK, EMPTY, OURS, BULLMQ, OURS_EVERYSEC, BULLMQ_EVERYSEC, WEBDIS)
"""Those whose ratio matters run next to each other."""
WARM_UP = 3.0
"""Seconds: Node compiles its hot paths, connections and pools open."""


def present() -> list[Contender]:
    """Return those that run here, in the order they run in."""
    return [each for each in ORDER if not each.needs()]


def measure(
    contender: Contender,
    connections: int = CONNECTIONS,
    seconds: float = 10,
    kind: str = "message",
) -> Result:
    """Measure one contender, alone, on an empty Valkey of its own."""
    events = notifications.KINDS[kind].events
    with fresh(contender, kind) as running:
        warm = closed(replace(running.target, first=1), connections, WARM_UP)
        result = closed(replace(running.target, first=5_000_000), connections, seconds)
        acknowledged = warm["answered"] + result["answered"] - warm["non_2xx"] - result["non_2xx"]
        acknowledged *= events
        kept = contender.stored(running.server.client) if contender.stored else acknowledged
        more = {"lost": max(0, acknowledged - kept), "events": result["rate"] * events}
        return result | more


def by_connections(
    contender: Contender, counts: Sequence[int], seconds: float
) -> list[tuple[int, float]]:
    """Return (connections, acknowledged per second) of one contender, fewest connections first."""
    with fresh(contender) as running:
        closed(replace(running.target, first=1), CONNECTIONS, WARM_UP)
        found = []
        for step, count in enumerate(counts, 1):
            target = replace(running.target, first=step * 1_000_000)
            found.append((count, calm(partial(closed, target, count, seconds))["rate"]))
    return found


def report(rounds: list[Round]) -> str:
    """Return two Markdown tables: the figures, then ours against the others."""
    rows = []
    for each in contenders.ALL:
        if not values(rounds, each.letter, "rate"):
            continue
        rows.append(
            [
                each.title,
                shown(values(rounds, each.letter, "rate")),
                shown(values(rounds, each.letter, "p50"), 2),
                shown(values(rounds, each.letter, "p99"), 2),
                f"{sum(values(rounds, each.letter, 'non_2xx')):.0f}",
                f"{sum(values(rounds, each.letter, 'broken')):.0f}",
                f"{sum(values(rounds, each.letter, 'lost')):.0f}" if each.stored else "all",
            ]
        )
    head = ["contender", "requests/s", "p50 ms", "p99 ms", "non-2xx", "broken", "not kept"]
    pairs = [("e", "a"), ("e", "b"), ("e", "c"), ("f", "c'"), ("e", "d"), ("e", "f")]
    return "\n\n".join([table(head, rows), disturbance(rounds), against(rounds, pairs)])


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--only", default="", help="letters of contenders, such as a,b,e")
    said = parser.parse_args()
    wanted = said.only.split(",") if said.only else [each.letter for each in ORDER]
    chosen = [each for each in present() if each.letter in wanted]
    rounds = interleave(chosen, said.rounds, lambda each: measure(each, seconds=said.seconds))
    missing = contenders.present(wanted)[1]
    print(machine.report(missing) + "\n\n" + report(rounds))


if __name__ == "__main__":
    main()
