import json
import re
import subprocess
import sys
from pathlib import Path

from tests.chaos.schedule import KINDS, schedule
from tests.support.commands import ROOT, environment


def test_the_same_seed_plans_the_same_faults_of_every_kind() -> None:
    planned = schedule(7, 300, 43)
    assert planned == schedule(7, 300, 43)
    assert planned != schedule(8, 300, 43)
    assert {fault.kind for fault in planned} == set(KINDS)
    assert all(2 <= fault.at <= 296 for fault in planned)


def test_under_half_a_minute_of_faults_nothing_is_lost_and_nothing_comes_out_twice(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-m", "tests.chaos", "--seed", "20", "--seconds", "24"]
    command += ["--rate", "60", "--faults", "12", "--into", str(tmp_path)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=480
    )
    assert done.returncode == 0, done.stderr
    row = json.loads((tmp_path / "seed-20.json").read_text())
    assert row["faults"] == 12
    assert row["acknowledged"] > 1000
    assert row["lost"] == row["duplicated"] == 0
    page = (tmp_path / "seed-20.md").read_text()
    assert "Passed" in page
    assert "were parked when its consumer came back" in page
    assert re.search(r"receiver.toml \| changed [1-9]", page)
    assert (tmp_path / "seed-20.svg").read_text().endswith("</svg>\n")
