"""Where the sources lie, and what a program of ours sees of the environment."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]


def environment(**more: str) -> dict[str, str]:
    """The variables a command sees: none of ours but those given."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    python = {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error,ignore::ResourceWarning"}
    return kept | python | more
