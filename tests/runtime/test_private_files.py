"""Files that only their owner may read: whole at any moment, whoever writes them."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from receiver.intake.spool import location
from receiver.runtime.private_files import write_private
from workers.parking.place import Place

WRITES = 500
CODE = f"""
import json, sys
from pathlib import Path
from receiver.runtime.private_files import write_private
for number in range({WRITES}):
    write_private(Path(sys.argv[1]), json.dumps([sys.argv[2]] * (1 + 997 * number % 5000)))
"""


def test_a_spool_whose_disk_is_away_is_not_begun_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        location.prepare(tmp_path / "disk")
    assert not (tmp_path / "disk").exists()


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o755])
def test_what_somebody_else_may_have_put_there_is_no_directory_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    """A link of a stranger's, to where he reads and writes."""
    shared, his = tmp_path / "shared", tmp_path / "his"
    his.mkdir()
    shared.mkdir()
    shared.chmod(mode)
    (shared / "receiver-parking").symlink_to(his)
    place = Place(shared)
    assert place.name  # of our own
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    if mode & 0o002:
        with pytest.raises(PermissionError, match="somebody else"):
            place.files("hook")
    else:
        assert place.files("hook")
    place.close()


def test_each_of_two_processes_that_write_at_once_leaves_it_whole(tmp_path: Path) -> None:
    file = tmp_path / "books.json"
    file.write_text('["before"]')
    environ = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    writers = [
        subprocess.Popen([sys.executable, "-c", CODE, str(file), name], env=environ)
        for name in ("one", "other")
    ]
    found = set()
    while None in [each.poll() for each in writers]:
        found |= set(json.loads(file.read_text()))
    assert [each.wait() for each in writers] == [0, 0]
    assert found <= {"before", "one", "other"}
    assert file.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["books.json"]


def test_what_writers_that_were_killed_have_left_is_removed_and_what_is_being_written_is_not(
    tmp_path: Path,
) -> None:
    file, hour = tmp_path / "books.json", 3600
    killed = [tmp_path / name for name in ("books.json.new", "books.json.abc.new")]
    writing, others = tmp_path / "books.json.def.new", tmp_path / "other.new"
    for each in (*killed, writing, others):
        each.touch()
    for each in (*killed, others):
        os.utime(each, times=(time.time() - 2 * hour,) * 2)
    write_private(file, "whole")
    assert sorted(tmp_path.iterdir()) == sorted([file, writing, others])


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    directory = tmp_path / "books.json"
    directory.mkdir()
    with pytest.raises(OSError, match="directory"):
        write_private(directory, "whole")
    assert list(tmp_path.iterdir()) == [directory]
