"""The segment files of one sink: in order, durable, gone once all of them came back."""

import contextlib
import os
from pathlib import Path

import pytest

from tests.parking.test_segment import entries
from tests.support.parked_files import reopened, segments, taken
from workers.parking import segment, segment_writer
from workers.parking.parked_files import ParkedFiles


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


def test_what_is_parked_after_files_were_claimed_stays_when_what_is_before_them_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with contextlib.closing(ParkedFiles(tmp_path / "billing")) as files:
        monkeypatch.setattr(segment_writer, "SEGMENT_BYTES", 1)
        for number in (0, 10):
            files.append(number, entries(10, number))
        files.set_aside(0)
        monkeypatch.undo()
        files.append(0, entries(10))
        assert files.claim(20, "0-0", entries(20)[-1][0])
        files.append(20, entries(10, 20))
        files.drop(10)
        assert taken(files, 10) == [(10, 10), (20, 10)]


def test_what_was_set_aside_is_looked_through_once_for_each_redis(
    files: ParkedFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be gigabytes, and somebody asks fifty times a second."""
    looked: list[Path] = []
    look = segment.blocks

    def counted(path: Path) -> list[segment.Block]:
        looked.append(path)
        return look(path)

    monkeypatch.setattr(segment, "blocks", counted)
    files.set_aside(0)
    last = entries(30)[-1][0]
    for _ in range(9):
        assert not files.claim(30, last, last)  # all of it came back
    assert len(looked) == 1
    assert files.claim(30, "0-0", entries(31)[-1][0])
    files.set_aside(0)
    assert files.claim(30, "0-0", entries(31)[-1][0])


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
