"""What was measured, part by part, in `results/raw.json`.

Each part says when it was measured, on which processors and commit, how long that took and what
share of the processors other work took just before, so that parts of several runs may stand side by
side.
"""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.calm import foreign
from benchmarks.processes import ROOT

FILE = ROOT / "benchmarks" / "results" / "raw.json"
_PRODUCT = ("receiver", "workers", "benchmarks/*.py", "benchmarks/contenders", "requirements.lock")


def parts() -> dict[str, dict[str, Any]]:
    """Return everything there is: name -> the part, its figures under `figures`."""
    return dict(json.loads(FILE.read_text("utf-8"))) if FILE.exists() else {}


def figures() -> dict[str, Any]:
    """Return the figures alone."""
    return {name: part["figures"] for name, part in parts().items()}


def take(name: str, measure: Callable[[], Any]) -> Any:
    """Measure one part and keep it in place of what was there; all of it or nothing. Returns its
    figures.
    """
    part: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "processors": machine.processors(),
        "commit": _commit(),
        "other_work": _other_work(),
    }
    begin = time.monotonic()
    part["figures"] = measure()
    part["seconds"] = round(time.monotonic() - begin)
    FILE.parent.mkdir(exist_ok=True)
    new = FILE.with_suffix(".new")
    new.write_text(json.dumps(parts() | {name: part}, indent=1) + "\n", "utf-8")
    new.replace(FILE)
    return part["figures"]


def said(part: dict[str, Any]) -> str:
    """Return one sentence on how a part came about."""
    share = part["other_work"]
    busy = "" if share is None else f"; other work took {share:.0%} of the processors before it"
    return f"Measured {part['date']} on {part['processors']}, commit {part['commit']}{busy}."


def _other_work() -> float | None:
    return round(foreign(1), 3) if Path("/proc/stat").exists() else None


def _commit() -> str:
    """Return the commit, with a `+` when what is measured is not what was committed."""
    try:
        commit = _git("rev-parse", "--short", "HEAD")
        return commit + ("+" if _git("status", "--porcelain", "--", *_PRODUCT) else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.strip()
