"""Where the spool may lie: in a directory that others use too, which is left as it is."""

import asyncio
import json
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.config.settings import SettingsError
from receiver.intake.inbound_writer import Batch
from receiver.intake.spool import damaged_rows, location
from receiver.intake.spool.spool import Spool
from tests.support.commands import environment
from tests.support.commands import run as run_command

NOBODY = 65534
GROUP = 54321
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def started(directory: Path) -> None:
    async def main() -> None:
        spool = Spool(directory, 1024**3)
        await spool.start()
        await spool.write(Batch("f", 1, [b"1"], []))
        await spool.close()

    asyncio.run(main())


@pytest.mark.parametrize("shared", [0o1777, 0o2775, 0o755])
def test_a_directory_that_others_use_keeps_its_mode_and_ours_in_it_is_closed(
    tmp_path: Path, shared: int
) -> None:
    tmp_path.chmod(shared)
    before = os.umask(0)
    try:
        location.refuse_unwritable(tmp_path)
        started(tmp_path)
        damaged_rows.keep(location.own(tmp_path) / "spool-0.damaged", "spool-0.log", 0, 1, "", b"")
    finally:
        os.umask(before)
    ours = location.own(tmp_path)
    assert mode(tmp_path) == shared
    assert mode(ours) & 0o777 == 0o700
    assert {path.name: mode(path) for path in ours.iterdir()} == {
        f"spool-0.{kind}": 0o600 for kind in ("log", "mark", "lock", "damaged")
    }


IN_A_POD = """
import asyncio, os, sys
from pathlib import Path
from receiver.intake.inbound_writer import Batch
from receiver.intake.spool import location
from receiver.intake.spool.spool import Spool
uid, group = int(sys.argv[2]), int(sys.argv[3])
os.setgroups([group]); os.setgid(uid); os.setuid(uid); os.umask(0o022)
directory = Path(sys.argv[1])
location.refuse_unwritable(directory)
async def main():
    spool = Spool(directory, 1024**3)
    await spool.start()
    print(spool.depth.notifications)
    await spool.write(Batch("f", 1, [b"1"], []))
    await spool.close()
asyncio.run(main())
"""


def as_somebody(directory: Path, uid: int) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", IN_A_POD, str(directory), str(uid), str(GROUP)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """Not under pytest's own directory, which every run of it closes to everybody else anew."""
    with tempfile.TemporaryDirectory(prefix="rv-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


@root_only
def test_a_volume_of_kubernetes_with_fsgroup_is_taken_as_it_is(open_to_all: Path) -> None:
    volume = open_to_all / "volume"
    volume.mkdir()

    def mounted() -> None:
        """What the kubelet does at each mount."""
        for path in (volume, *volume.rglob("*")):
            os.chown(path, -1, GROUP)
            path.chmod(mode(path) | (0o2770 if path.is_dir() else 0o660))

    mounted()
    assert as_somebody(volume, NOBODY).stdout == "0\n"
    assert volume.stat().st_uid == 0
    assert mode(volume) & ~0o005 == 0o2770
    mounted()
    again = as_somebody(volume, NOBODY)
    assert again.stdout == "1\n", again.stderr
    mounted()
    assert as_somebody(volume, NOBODY - 1).stdout == "2\n"  # the image's user has changed


@root_only
def test_what_somebody_else_made_where_anybody_may_write_is_refused_in_one_sentence(
    tmp_path: Path,
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    location.own(shared).mkdir()
    os.chown(location.own(shared), NOBODY, NOBODY)
    answer = run_command(
        tmp_path,
        "web",
        REDIS_URL="redis://127.0.0.1:1",
        RECEIVER_BEARER_TOKENS="made-up",
        RECEIVER_SPOOL_DIR=str(shared),
    )
    assert answer.returncode == 2
    reason = json.loads(answer.stderr)["reason"]
    assert reason.startswith(f"RECEIVER_SPOOL_DIR='{shared}': receiver-spool in it")
    location.own(shared).rmdir()
    location.own(shared).symlink_to(tmp_path)
    os.chown(location.own(shared), NOBODY, NOBODY, follow_symlinks=False)
    with pytest.raises(SettingsError, match="belongs to somebody else"):
        location.refuse_unwritable(shared)


@root_only
def test_files_of_a_stranger_in_a_shared_directory_are_not_taken_for_ours(tmp_path: Path) -> None:
    stranger = tmp_path / "spool-0.sqlite3"
    stranger.write_bytes(b"")
    os.chown(stranger, NOBODY, NOBODY)
    started(tmp_path)
    assert stranger.exists()
