"""`python -m tests.mutants --room auth --count 40`; a table on stdout, the exit code is 0."""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.mutants import campaign, forked
from tests.mutants.campaign import Verdict
from tests.mutants.mutant import MEANING
from tests.mutants.overlay import Overlay
from tests.mutants.rooms import ROOMS


def main() -> None:
    """Run the rooms one after another; what is said on the way goes to stderr."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--room", action="append", choices=ROOMS, help="default: all of them")
    parser.add_argument("--count", type=int, default=40, help="mutants of each room")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at-once", type=int, default=2, help="mutants")
    parser.add_argument("--minutes", type=float, default=60, help="of a room, at most")
    parser.add_argument("--list", action="store_true", help="show the sample and run nothing")
    asked = parser.parse_args()
    os.nice(max(0, 5 - os.nice(0)))
    forked.preload()
    with tempfile.TemporaryDirectory(prefix="mutants-") as directory:
        overlays = [Overlay(Path(directory) / str(slot)) for slot in range(asked.at_once)]
        found = {name: _room(name, overlays, asked) for name in asked.room or ROOMS}
    print("\n".join(table(found)))


def _room(name: str, overlays: list[Overlay], asked: argparse.Namespace) -> list[Verdict]:
    tree = overlays[0].directory
    mutants = campaign.sample(tree, ROOMS[name], asked.count, f"{name}:{asked.seed}")
    if asked.list:
        found = [Verdict(mutant, "sampled", "") for mutant in mutants]
        _say(*map(_line, found))
        return found
    begun, found = time.monotonic(), []
    for verdict in campaign.run(ROOMS[name], mutants, overlays, 60 * asked.minutes, _say):
        found.append(verdict)
        _say(f"{name} {len(found)}/{len(mutants)} {_line(verdict)}")
    _say(f"{name}: {time.monotonic() - begun:.0f} s")
    return found


def table(found: dict[str, list[Verdict]]) -> list[str]:
    """Return the counts of each room and, one by one, what was not killed, as Markdown."""
    lines = ["| room | mutants | killed | survived | equivalent | killed of those that differ |"]
    lines.append("|---|---|---|---|---|---|")
    for room, verdicts in found.items():
        count = Counter(verdict.outcome for verdict in verdicts)
        differ = len(verdicts) - count["equivalent"]
        survived = differ - count["killed"]
        share = f"{100 * count['killed'] / differ:.0f} %" if differ else "-"
        lines.append(
            f"| {room} | {len(verdicts)} | {count['killed']} | {survived} "
            f"| {count['equivalent']} | {share} |"
        )
    lines += ["", "| not killed | change | would mean, or why nothing differs |", "|---|---|---|"]
    for verdict in (one for verdicts in found.values() for one in verdicts):
        if verdict.outcome != "killed":
            where, change = _change(verdict)
            says = verdict.by if verdict.outcome == "equivalent" else MEANING[verdict.mutant.kind]
            lines.append(f"| {where} ({verdict.outcome}) | {change} | {says} |".replace("\n", " "))
    return lines


def _change(verdict: Verdict) -> tuple[str, str]:
    mutant = verdict.mutant
    was, becomes = mutant.lines()
    shown = [line.replace("|", r"\|") for line in (was, becomes)]
    return f"`{Path(mutant.path)}:{mutant.line}`", f"`{shown[0]}` → `{shown[1]}`"


def _line(verdict: Verdict) -> str:
    where, change = _change(verdict)
    return f"{verdict.outcome} {where} {verdict.mutant.kind}: {change} {verdict.by}"


def _say(*lines: str) -> None:
    for line in lines:
        print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
