"""Sample a room's mutants and run the tests of each."""

import itertools
import random
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.mutants import forked, lua_source, python_source
from tests.mutants.equivalents import reason
from tests.mutants.mutant import Mutant
from tests.mutants.overlay import Overlay
from tests.mutants.plugins import Chosen, Collected, Hurried, Lines
from tests.mutants.rooms import Room

AT_LEAST = 15.0
"""Seconds that a test gets with a mutant, however fast it is without."""
SLOWER = 6
"""How many times as long as without a mutant it may take beyond that: others use the machine."""


Say = Callable[[str], None]


class Verdict(NamedTuple):
    """What became of a mutant: `killed`, `survived`, `uncovered` or `equivalent`, and by what."""

    mutant: Mutant
    outcome: str
    by: str


class Baseline(NamedTuple):
    """What the tests do without a mutant: the seconds of each, and those that run a line."""

    seconds: dict[str, float]
    runs: dict[str, list[str]]
    room: Room


def sample(tree: Path, room: Room, count: int, seed: str) -> list[Mutant]:
    """Draw lines of the tree, and one mutant of each; the first of them are a sample too."""
    lines: dict[tuple[str, int], list[Mutant]] = {}
    for path in sorted({path for pattern in room.sources for path in tree.glob(pattern)}):
        name = str(path.relative_to(tree))
        if name in room.without:
            continue
        source = lua_source if path.suffix == ".lua" else python_source
        for mutant in source.mutants(name, path.read_bytes()):
            lines.setdefault((name, mutant.line), []).append(mutant)
    chance = random.Random(seed)
    drawn = chance.sample(sorted(lines), min(count, len(lines)))
    return [chance.choice(lines[line]) for line in drawn]


def run(
    room: Room, mutants: list[Mutant], overlays: list[Overlay], seconds: float, say: Say
) -> Iterator[Verdict]:
    """Yield the verdicts as they come. A test that fails without a mutant is named and left out.
    None is begun after so many seconds.
    """
    free = list(overlays)
    baseline = _baseline(room, {mutant.path for mutant in mutants}, free[0], say)
    took = sum(baseline.seconds.values())
    say(f"{len(baseline.seconds)} tests, {took:.0f} s without a mutant")
    waiting, running = list(mutants), dict[forked.Run, tuple[Overlay, Mutant]]()
    ends = time.monotonic() + seconds
    while waiting or running:
        if time.monotonic() > ends:
            waiting.clear()
        while free and waiting:
            mutant = waiting.pop(0)
            if early := _without_a_run(mutant, baseline):
                yield early
            else:
                overlay = free.pop()
                running[_start(overlay, mutant, baseline)] = (overlay, mutant)
        for one in list(running):
            ended, answer = forked.finished(one)
            if ended:
                overlay, mutant = running.pop(one)
                overlay.restore(mutant)
                free.append(overlay)
                yield _verdict(mutant, answer)
        time.sleep(0.05)


def _baseline(room: Room, paths: set[str], overlay: Overlay, say: Say) -> Baseline:
    if any(path.endswith(".py") for path in paths):
        return _with_lines(room, paths, overlay, say)
    return _collected(room, paths, overlay)


def _collected(room: Room, paths: set[str], overlay: Overlay) -> Baseline:
    """Nothing tells which test runs which line of a script, so the tests need not run for that."""
    tests = [test for path in paths for test in room.scripts.get(Path(path).name, ())]
    collected = Collected()
    run = forked.start(
        overlay.directory,
        ["--collect-only", *dict.fromkeys(tests)],
        [collected],
        lambda code: [code, collected.tests],
        600,
    )
    code, found = _answer(run) or (1, [])
    if code:
        raise RuntimeError((overlay.directory / "output.txt").read_text()[-4000:])
    return Baseline(dict.fromkeys(found, 0.0), {}, room)


def _answer(run: forked.Run) -> Any:
    ended, found = False, None
    while not ended:
        time.sleep(0.1)
        ended, found = forked.finished(run)
    return found


def _with_lines(room: Room, paths: set[str], overlay: Overlay, say: Say) -> Baseline:
    lines = Lines(overlay.directory, {path for path in paths if path.endswith(".py")})

    def answer(code: int) -> Any:
        return [code, lines.seconds, lines.lines, lines.failed]

    tests = [*room.tests, *room.always]
    run = forked.start(overlay.directory, tests, [lines, Hurried()], answer, 3600)
    found = _answer(run)
    if not found or found[0] > pytest.ExitCode.TESTS_FAILED:
        raise RuntimeError((overlay.directory / "output.txt").read_text()[-4000:])
    _, seconds, ran, failed = found
    for test in set(failed):
        say(f"left out, since it fails without a mutant: {test}")
        del seconds[test], ran[test]
    runs: dict[str, list[str]] = {}
    for test, hit in ran.items():
        for line in hit:
            runs.setdefault(line, []).append(test)
    return Baseline(seconds, runs, room)


def _tests(mutant: Mutant, baseline: Baseline) -> list[str]:
    """The quick ones first. A line that is run at import is asked of all that come by its file."""
    room = baseline.room
    always = room.scripts.get(Path(mutant.path).name, room.always)
    unseen = {
        test: place
        for place, named in enumerate(always)
        for test in baseline.seconds
        if test.startswith(named)
    }
    seen = set(baseline.runs.get(f"{mutant.path}:{mutant.line}", ()))
    if _at_import(mutant):
        of_file = [found for line, found in baseline.runs.items() if _is_in(line, mutant.path)]
        seen = set(itertools.chain(*of_file)) or set(baseline.seconds)
    scripts = dict.fromkeys(sorted(unseen, key=unseen.__getitem__))
    return _by_file(seen - unseen.keys(), baseline) + _by_file(scripts, baseline)


def _by_file(tests: Iterable[str], baseline: Baseline) -> list[str]:
    """The quick files first, and in each the quick tests: what a file sets up is set up once."""
    files: dict[str, list[str]] = {}
    for test in tests:
        files.setdefault(test.partition("::")[0], []).append(test)
    sums = {file: sum(map(baseline.seconds.__getitem__, found)) for file, found in files.items()}
    return [
        test
        for file in sorted(files, key=sums.__getitem__)
        for test in sorted(files[file], key=baseline.seconds.__getitem__)
    ]


def _is_in(line: str, path: str) -> bool:
    return line.rpartition(":")[0] == path


def _at_import(mutant: Mutant) -> bool:
    """Whether the line belongs to no function."""
    return mutant.path.endswith(".py") and python_source.at_import(mutant.source, mutant.line)


def _without_a_run(mutant: Mutant, baseline: Baseline) -> Verdict | None:
    if why := reason(mutant):
        return Verdict(mutant, "equivalent", why)
    return None if _tests(mutant, baseline) else Verdict(mutant, "uncovered", "")


def _start(overlay: Overlay, mutant: Mutant, baseline: Baseline) -> forked.Run:
    tests = _tests(mutant, baseline)
    limits = {test: AT_LEAST + SLOWER * baseline.seconds[test] for test in tests}
    chosen = Chosen(limits)
    files = list(dict.fromkeys(test.partition("::")[0] for test in tests))
    overlay.put(mutant)

    def answer(code: int) -> Any:
        return [code, chosen.failed]

    return forked.start(
        overlay.directory, ["-x", *files], [chosen, Hurried()], answer, sum(limits.values())
    )


def _verdict(mutant: Mutant, answer: Any) -> Verdict:
    if answer is None:
        return Verdict(mutant, "killed", "its tests end no more")
    code, failed = answer
    if code == 0:
        return Verdict(mutant, "survived", "")
    return Verdict(mutant, "killed", failed or f"pytest's exit code {code}")
