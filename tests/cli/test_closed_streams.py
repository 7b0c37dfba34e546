"""Where a command is started without stdin, stdout or stderr."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import ROOT, environment

LOOK = """
import json, os
links = [os.readlink(f"/proc/self/fd/{number}") for number in range(3)]
open("seen", "w").write(json.dumps(links))
"""
PROGRAM = f"""
import subprocess, sys
from receiver.cli.terminal import stdio
stdio.prepare()
print("lost")
print("lost", file=sys.stderr)
assert sys.stdin.read() == ""
with open("opened", "w"):
    subprocess.run([sys.executable, "-c", {LOOK!r}], check=True)
"""


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc here")
@pytest.mark.parametrize("closed", ["2>&-", "<&- 2>&-", "<&- >&-", "<&- >&- 2>&-"])
def test_no_file_or_connection_gets_the_log_of_it_or_of_what_it_starts(
    closed: str, tmp_path: Path
) -> None:
    command = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-P", "-c", PROGRAM]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=environment(PYTHONPATH=str(ROOT)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads((tmp_path / "seen").read_text())
    for number, how in enumerate(("<&-", ">&-", "2>&-")):
        if how in closed.split():
            assert seen[number] == "/dev/null"
