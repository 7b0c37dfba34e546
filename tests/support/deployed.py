"""Reads what lies in `deploy/`, and asks the tools that would take it."""

import re
import subprocess
from typing import Any

import msgspec

from tests.support.environ import ROOT

SOURCE = "".join(path.read_text() for path in sorted((ROOT / "receiver/config").glob("*.py")))
VARIABLES = set(re.findall(r'"((?:RECEIVER_)?[A-Z]{3,}[A-Z_]*)"', SOURCE))


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
