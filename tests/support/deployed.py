"""Reads what lies in `deploy/`, and asks the tools that would take it."""

import re
import subprocess
from typing import Any

import msgspec

from receiver.polling.pace import Pace
from receiver.polling.process import ANSWER_WITHIN
from tests.support.environ import ROOT

SOURCE = "".join(path.read_text() for path in sorted((ROOT / "receiver/config").glob("*.py")))
VARIABLES = set(re.findall(r'"((?:RECEIVER_)?[A-Z]{3,}[A-Z_]*)"', SOURCE))

POLL_ENDS_WITHIN = Pace().grace + Pace().append + 2 * ANSWER_WITHIN
"""Seconds that `receiver poll` takes to end where its gateway hangs, and Redis too: for the answer,
to append it, and to say so and give the lease back."""


def documents(text: str) -> list[dict[str, Any]]:
    """Every document of a YAML file."""
    found = [msgspec.yaml.decode(part) for part in re.split(r"^---$", text, flags=re.MULTILINE)]
    return [one for one in found if one]


def run(*command: str, **options: Any) -> str:
    """One command that must succeed; its output."""
    done: subprocess.CompletedProcess[str] = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
