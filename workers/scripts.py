"""The scripts that run in Redis, as they are loaded."""

from pathlib import Path

from receiver.runtime.scripts import whole


def text(name: str) -> str:
    """One of them, behind the checks of `receiver.runtime.scripts` and, if it uses that,
    `marks.lua`.
    """
    script = _read(name)
    return whole(_read("marks") + script if "marks." in script else script)


def _read(name: str) -> str:
    return next(Path(__file__).parent.rglob(f"{name}.lua")).read_text("utf-8")
