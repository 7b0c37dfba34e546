"""The segment files of one sink on a disk that damages, refuses or loses them."""

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.parking.test_segment import entries
from tests.support.parked_files import reopened, segments, taken
from workers.parking.parked_files import ParkedFiles


def test_damaged_bytes_before_what_is_set_aside_are_kept(
    files: ParkedFiles, tmp_path: Path
) -> None:
    (path,) = segments(tmp_path)
    before, block = path.read_bytes(), files.unclaimed(20)
    assert block
    path.write_bytes(b"?" + before[1:])
    files.drop(20)
    files.set_aside(0)
    kept = [segments(tmp_path, kind)[0].read_bytes() for kind in ("damaged", "unclaimed")]
    assert b"".join(kept) == b"?" + before[1:]
    assert (segments(tmp_path), taken(reopened(files, tmp_path))) == ([], [])


@pytest.mark.parametrize("open_again", [False, True])
@pytest.mark.parametrize("where", ["the head", "the body"])
def test_a_damaged_block_is_passed_over_and_its_file_kept(
    files: ParkedFiles, tmp_path: Path, where: str, open_again: bool
) -> None:
    (path,) = segments(tmp_path)
    block = files.unclaimed(10)
    assert block
    data = bytearray(path.read_bytes())
    data[block.at + (5 if where == "the head" else block.size - 5)] ^= 1
    path.write_bytes(data)
    if open_again:
        files = reopened(files, tmp_path)
    assert taken(files) == [(0, 10), (20, 10)]
    files.drop(30)
    assert segments(tmp_path) == []
    assert [one.read_bytes() for one in segments(tmp_path, "damaged")] == [bytes(data)]


def test_a_file_without_a_sound_block_is_kept_as_damaged(
    files: ParkedFiles, tmp_path: Path
) -> None:
    (path,) = segments(tmp_path)
    path.write_bytes(b"x" * 1000)
    files = reopened(files, tmp_path)
    assert taken(files) == []
    files.clear_bare(30)
    assert (segments(tmp_path), len(segments(tmp_path, "damaged"))) == ([], 1)


def test_a_disk_that_may_only_be_read_gives_what_it_has(
    files: ParkedFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.close()
    opened = os.open

    def only_read(path: str, flags: int, mode: int = 0o777) -> int:
        if flags & (os.O_CREAT | os.O_RDWR | os.O_WRONLY):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return opened(path, flags, mode)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "open", only_read)
    monkeypatch.setattr(Path, "unlink", refuse)
    files.__init__(tmp_path / "billing")  # type: ignore[misc]
    with pytest.raises(OSError, match="Read-only"):
        files.append(30, entries(5, 30))
    assert taken(files) == [(0, 10), (10, 10), (20, 10)]
    files.drop(30)
    assert files.next(30) is None
    monkeypatch.undo()
    again = reopened(files, tmp_path)
    again.drop(30)
    assert segments(tmp_path) == []


def test_a_directory_that_is_gone_is_no_damage(files: ParkedFiles, tmp_path: Path) -> None:
    away = tmp_path / "not mounted"
    (tmp_path / "billing").rename(away)
    with pytest.raises(OSError, match="gone"):
        files.next(0)
    away.rename(tmp_path / "billing")
    assert taken(files) == [(0, 10), (10, 10), (20, 10)]


@contextmanager
def full_after(size: int) -> Iterator[None]:
    """No file of this process may grow beyond a size: the disk refuses what comes after."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_refuses_and_what_was_there_stays(files: ParkedFiles, tmp_path: Path) -> None:
    with full_after(files.bytes + 40), pytest.raises(OSError, match="large"):
        files.append(30, entries(500, 30))
    files.append(30, entries(10, 30))
    assert taken(files) == taken(reopened(files, tmp_path)) == [(n, 10) for n in (0, 10, 20, 30)]
