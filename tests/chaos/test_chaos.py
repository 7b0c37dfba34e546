import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos import limits
from tests.chaos.measure import Interruption
from tests.chaos.schedule import COMPANY, KINDS, schedule
from tests.support.commands import ROOT, environment


def test_the_same_seed_plans_the_same_faults_of_every_kind() -> None:
    planned = schedule(7, 300, 43)
    assert planned == schedule(7, 300, 43)
    assert planned != schedule(8, 300, 43)
    assert {fault.kind for fault in planned} == set(KINDS)
    assert all(2 <= fault.at <= 296 for fault in planned)


def test_alone_there_are_no_faults_of_what_is_beside_the_load() -> None:
    kinds = {fault.kind for fault in schedule(7, 300, 43, alone=True)}
    assert kinds == KINDS.keys() - COMPANY


def test_an_interruption_beyond_its_limit_is_a_failure_where_its_fault_is_to_blame() -> None:
    slow = {"kill-web": Interruption(0.51, True), "kill-valkey": Interruption(1.01, True)}
    beside = {kind: Interruption(9.0, False) for kind in slow}
    kept = {"kill-web": Interruption(0.5, True), "kill-valkey": Interruption(1.0, False)}
    assert [words.split(":")[0] for words in limits.missed(slow, spool=True)] == [
        "a web process is SIGKILLed",
        "Valkey is SIGKILLed",
    ]
    assert len(limits.missed(slow, spool=False)) == 1
    assert limits.missed(beside, spool=True) == limits.missed({}, spool=True) == []
    assert {*limits.verdicts(kept, spool=True).values()} == {"kept"}


def test_under_faults_nothing_is_lost_and_nothing_comes_out_twice(tmp_path: Path) -> None:
    page = passed(tmp_path, "--seconds", "10", "--faults", "8", "--alone")
    assert "| lost | 0 |" in page


@pytest.mark.soak
def test_what_is_beside_the_load_comes_through_too(tmp_path: Path) -> None:
    page = passed(tmp_path, "--seconds", "24", "--faults", "12")
    assert "were parked when its consumer came back" in page
    assert re.search(r"receiver.toml \| changed [1-9]", page)


def passed(into: Path, *options: str) -> str:
    """Run the program; return its page."""
    command = [sys.executable, "-m", "tests.chaos", "--seed", "20", "--rate", "80", *options]
    done = subprocess.run(
        [*command, "--without-limits", "--into", str(into)],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    row = json.loads((into / "seed-20.json").read_text())
    assert row["faults"] >= 8
    assert row["acknowledged"] > 500
    assert row["lost"] == row["duplicated"] == 0
    assert (into / "seed-20.svg").read_text().endswith("</svg>\n")
    page = (into / "seed-20.md").read_text()
    assert "Passed" in page
    return page
