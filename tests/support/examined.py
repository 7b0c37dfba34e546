"""What `receiver doctor` finds."""

import json
from pathlib import Path

from tests.support.commands import run

MEMORY = Path("/dev/shm")  # noqa: S108 - a file system that vanishes is what is wanted
GOOD = "a-token-of-more-than-twenty-characters"


def examined(
    cwd: Path, url: str, *, status: int = 1, token: str = GOOD, **environ: str
) -> dict[str, dict[str, str]]:
    """What it found, by what is wrong."""
    environ = {"REDIS_URL": url, "RECEIVER_BEARER_TOKENS": token} | environ
    done = run(cwd, "doctor", "--json", **environ)
    assert done.returncode == status, done
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(all(one.values()) for one in found)
    return {one["what"]: one for one in found}


def grave(found: dict[str, dict[str, str]], part: str) -> str:
    """How grave the finding is that has this in it."""
    matches = [one["severity"] for what, one in found.items() if part in what]
    assert len(matches) == 1, (part, list(found))
    return matches[0]
