"""The end of a web process whose intake failed in a way nobody thought of."""

import signal
import subprocess
import sys
from pathlib import Path

from tests.support.commands import environment

FAILS = """
import asyncio
from receiver.intake.group_commit import end_with_it
async def flush():
    notification = "tel:+12065550100 says hello"
    raise LookupError(notification)
async def main():
    task = asyncio.create_task(flush())
    task.add_done_callback(end_with_it)
    await asyncio.sleep(30)
asyncio.run(main())
"""


def test_an_intake_that_fails_ends_its_process_and_shows_nothing_of_what_it_held(
    tmp_path: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAILS],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == -signal.SIGTERM
    assert "intake.broken" in said
    assert "LookupError" in said
    assert "12065550100" not in said
