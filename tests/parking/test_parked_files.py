"""The segment files of one sink: in order, durable, damage set aside, a full disk survived."""

import contextlib
import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.parking.test_segment import entries
from workers.parking import segment_writer
from workers.parking.parked_files import ParkedFiles


@pytest.fixture
def files(tmp_path: Path) -> Iterator[ParkedFiles]:
    """Three blocks of ten, in one segment."""
    files = ParkedFiles(tmp_path / "billing")
    for number in (0, 10, 20):
        files.append(number, entries(10, number))
    yield files
    files.close()


def segments(tmp_path: Path, kind: str = "segment") -> list[Path]:
    return sorted((tmp_path / "billing").glob(f"*.{kind}"))


def reopened(files: ParkedFiles, tmp_path: Path) -> ParkedFiles:
    files.close()
    files.__init__(tmp_path / "billing")  # type: ignore[misc]
    return files


def taken(files: ParkedFiles, number: int = 0) -> list[tuple[int, int]]:
    """(number, events) of each sound block, in order."""
    found = []
    while one := files.next(number):
        found.append((one[0], len(one[1])))
        number = one[0] + len(one[1])
    return found


def test_what_was_appended_is_there_for_the_next_process(
    files: ParkedFiles, tmp_path: Path
) -> None:
    again = reopened(files, tmp_path)
    assert again.next(0) == (0, entries(10))
    assert taken(again) == [(0, 10), (10, 10), (20, 10)]
    again.append(30, entries(5, 30))
    assert taken(reopened(again, tmp_path), 20) == [(20, 10), (30, 5)]


def test_what_is_left_of_a_block_is_there_for_the_next_process(
    files: ParkedFiles, tmp_path: Path
) -> None:
    assert files.next(4) == (4, entries(10)[4:])
    files.drop(13)
    assert files.next(13) == reopened(files, tmp_path).next(13) == (13, entries(20)[13:])


def test_a_second_process_does_not_get_the_files(files: ParkedFiles, tmp_path: Path) -> None:
    with pytest.raises(BlockingIOError):
        ParkedFiles(tmp_path / "billing")
    assert files.end == 30


def test_nobody_else_may_read_them(files: ParkedFiles, tmp_path: Path) -> None:
    assert (tmp_path / "billing").stat().st_mode & 0o777 == 0o700
    assert [one.stat().st_mode & 0o777 for one in segments(tmp_path)] == [0o600]
    assert files.bytes == segments(tmp_path)[0].stat().st_size


def test_a_segment_goes_when_all_of_it_was_returned(
    files: ParkedFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment_writer, "SEGMENT_BYTES", 1)
    files.append(30, entries(10, 30))
    files.append(40, entries(10, 40))
    assert len(segments(tmp_path)) == 2
    files.drop(39)
    assert len(segments(tmp_path)) == 2
    files.drop(40)
    assert (len(segments(tmp_path)), taken(files, 40)) == (1, [(40, 10)])
    files.drop(50)
    assert (segments(tmp_path), files.bytes, files.next(50)) == ([], 0, None)


def test_what_nobody_counts_on_is_cut_off(files: ParkedFiles, tmp_path: Path) -> None:
    assert (files.unclaimed(30), files.unclaimed(20)) == (None, files.unclaimed(15))
    files.cut(20)
    files.append(20, entries(3, 50))
    assert taken(reopened(files, tmp_path)) == [(0, 10), (10, 10), (20, 3)]
    files.cut(0)
    assert segments(tmp_path) == []


@pytest.mark.parametrize("end", ["cut", "set_aside"])
def test_what_came_back_is_not_taken_for_what_has_its_numbers_later(
    files: ParkedFiles, tmp_path: Path, end: str
) -> None:
    files.drop(20)
    getattr(files, end)(0)
    assert segments(tmp_path) == []
    assert len(segments(tmp_path, "unclaimed")) == (end == "set_aside")
    files.append(0, entries(3, 50))
    assert taken(reopened(files, tmp_path)) == [(0, 3)]


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


def test_a_file_whose_writer_was_stopped_goes(files: ParkedFiles, tmp_path: Path) -> None:
    files.drop(30)
    (tmp_path / "billing" / f"{30:020}.segment").write_bytes(b"RPB1")
    reopened(files, tmp_path).clear_bare(30)
    assert segments(tmp_path) + segments(tmp_path, "damaged") == []


def test_a_removed_file_takes_no_more_blocks(files: ParkedFiles, tmp_path: Path) -> None:
    (path,) = segments(tmp_path)
    path.unlink()
    files.append(30, entries(5, 30))
    assert taken(files) == [(30, 5)]


def test_a_removed_file_is_closed(files: ParkedFiles, tmp_path: Path) -> None:
    """Or its blocks stay on the disk, and the process has one file more each time."""
    handles = len(os.listdir("/proc/self/fd"))
    for number in (30, 35):
        segments(tmp_path)[0].unlink()
        files.append(number, entries(5, number))
    assert len(os.listdir("/proc/self/fd")) == handles


def test_a_new_file_is_in_its_directory_on_the_disk_before_anybody_counts_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(segment_writer, "sync_directory", synced.append)
    with contextlib.closing(ParkedFiles(tmp_path / "billing")) as files:
        synced.clear()
        files.append(0, entries(10))
        assert synced == [tmp_path / "billing"]


def test_what_is_set_aside_is_kept_and_read_no_more(files: ParkedFiles, tmp_path: Path) -> None:
    files.set_aside(0)
    assert (files.next(0), len(segments(tmp_path, "unclaimed"))) == (None, 1)
    files.append(0, entries(1))
    assert taken(reopened(files, tmp_path)) == [(0, 1)]
    files.set_aside(0)
    assert len(segments(tmp_path, "unclaimed")) == 2  # none in place of the other


def test_only_what_nobody_claims_is_set_aside(files: ParkedFiles, tmp_path: Path) -> None:
    (path,) = segments(tmp_path)
    whole = path.read_bytes()
    files.set_aside(10)
    assert taken(files) == taken(reopened(files, tmp_path)) == [(0, 10)]
    (kept,) = segments(tmp_path, "unclaimed")
    assert path.read_bytes() + kept.read_bytes() == whole


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
