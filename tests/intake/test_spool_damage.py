"""Damage on the spool's disk: it ends with its row, is kept, counted and said; the others go on."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from receiver.intake.inbound_writer import Batch
from receiver.intake.spool import location, row_format
from receiver.intake.spool.depth import Depth
from receiver.intake.spool.spool import SpoolError
from tests.support.spools import House, appended, depth, drained, filled, left, live
from tests.support.valkey import Valkey

ROWS = 20


def flipped(file: Path, at: int) -> None:
    data = bytearray(file.read_bytes())
    data[at] ^= 0x10
    file.write_bytes(data)


def places(file: Path) -> list[int]:
    """Where its rows begin, those that are whole."""
    with file.open("rb") as opened:
        rows = row_format.rows(opened.fileno(), 16, file.stat().st_size)
        return [row.place for row in rows if not row.fault]


def kept(directory: Path) -> list[tuple[str, int, str, bytes]]:
    """What is set aside: file, place, what is wrong, the bytes."""
    found = []
    for path in location.own(directory).glob("*.damaged"):
        data = path.read_bytes()
        with path.open("rb") as opened:
            rows = list(row_format.rows(opened.fileno(), 0, len(data)))
        for row in rows:
            start, size = row.body
            body: Any = msgspec.msgpack.decode(data[start : start + size])
            found.append(tuple(body))
    return found


@pytest.mark.parametrize("within", range(-1, 45, 3))
def test_a_flipped_byte_takes_one_row_with_it_wherever_it_is(
    valkey: Valkey, tmp_path: Path, within: int
) -> None:
    file = filled(tmp_path, ROWS)
    sixth, seventh, eighth = places(file)[6:9]
    hit = min(seventh + within, eighth - 1)  # -1: the last byte of the row before
    flipped(file, hit)
    which = 6 if within < 0 else 7
    assert drained(valkey, tmp_path) == [row for row in range(ROWS) if row != which]
    [(name, at, _, data)] = kept(tmp_path)
    assert (name, at) == ("spool-0.log", sixth if within < 0 else seventh)
    assert len(data) == eighth - seventh
    assert location.look(tmp_path) == location.SpoolContents(Depth(), {"spool-0.damaged": 1}, {})


@pytest.mark.parametrize("at", range(16))
def test_a_damaged_head_of_the_file_takes_nothing_with_it(
    valkey: Valkey, tmp_path: Path, at: int
) -> None:
    flipped(filled(tmp_path, 3), at)
    assert drained(valkey, tmp_path) == [0, 1, 2]


def test_a_mark_that_is_damaged_or_gone_changes_nothing(valkey: Valkey, tmp_path: Path) -> None:
    marks = [filled(tmp_path, 2, number=number).with_suffix(".mark") for number in range(3)]
    flipped(marks[0], 11)
    marks[1].unlink()
    marks[2].write_bytes(b"")
    assert sorted(drained(valkey, tmp_path)) == [0, 0, 0, 1, 1, 1]
    assert location.set_aside(tmp_path) == {}


def test_several_damaged_places_take_their_rows_and_no_others(
    valkey: Valkey, tmp_path: Path
) -> None:
    file = filled(tmp_path, ROWS)
    starts, file_size = places(file), file.stat().st_size
    for row in (0, 4, 5, ROWS - 1):
        flipped(file, starts[row] + 1)
    wanted = [row for row in range(ROWS) if row not in (0, 4, 5, ROWS - 1)]
    assert drained(valkey, tmp_path) == wanted
    ends = [*starts[1:], file_size]
    gone = sum(ends[row] - starts[row] for row in (0, 4, 5, ROWS - 1))
    assert sum(len(data) for *_, data in kept(tmp_path)) == gone


@pytest.mark.parametrize("left_over", [0, 5, 16, 17, 40, 200, -1])
def test_what_was_cut_off_is_counted_and_the_rest_comes_out(
    valkey: Valkey, tmp_path: Path, left_over: int
) -> None:
    file = filled(tmp_path, ROWS)
    os.truncate(file, left_over if left_over >= 0 else file.stat().st_size - 1)
    whole = [row for row in range(ROWS) if row < len(places(file))]
    assert drained(valkey, tmp_path) == whole
    assert location.set_aside(tmp_path) == {"spool-0.damaged": ROWS - len(whole)}


@pytest.mark.parametrize(("rows", "whole", "more"), [(ROWS, 5, 3), (3, 2, row_format.HEAD + 2)])
def test_a_file_cut_short_under_its_process_costs_what_was_cut_and_no_later_row(
    valkey: Valkey, tmp_path: Path, rows: int, whole: int, more: int
) -> None:
    async def test(house: House) -> None:
        valkey.kill()
        await house.keep(*(str(number) for number in range(rows)))
        file = location.own(tmp_path) / "spool-0.log"
        os.truncate(file, places(file)[whole] + more)
        await house.keep("20", "21")
        # One that has lost its end counts where nothing says yet what it was.
        assert house.spool.depth.notifications in (whole + 2, whole + 3)
        valkey.start()
        await house.emptied()

    live(valkey.url, tmp_path, test)
    assert [int(name) for name in appended(valkey)] == [*range(whole), 20, 21]
    assert location.set_aside(tmp_path) == {"spool-0.damaged": rows - whole}


@pytest.mark.parametrize("marked", [False, True])
def test_what_is_written_behind_a_row_that_lost_its_end_comes_out(
    valkey: Valkey, tmp_path: Path, marked: bool
) -> None:
    """A power cut leaves such a row, of which nothing was acknowledged."""
    file = filled(tmp_path, 3)
    if not marked:
        file.with_suffix(".mark").unlink()
    os.truncate(file, places(file)[2] + row_format.HEAD + 2)
    again = left(tmp_path, 0)
    assert again.depth.notifications == 2
    for number in range(4, 8):
        again.write(Batch("later", number, [b"%d" % number], []))
    again.close()
    assert drained(valkey, tmp_path) == [0, 1, 4, 5, 6, 7]
    assert location.set_aside(tmp_path) == {"spool-0.damaged": 1}


def test_what_a_failed_write_left_behind_the_last_row_is_no_row(
    valkey: Valkey, tmp_path: Path
) -> None:
    file = left(tmp_path, 0)
    file.write(Batch("f", 1, [b"1"], []))
    with (location.own(tmp_path) / file.name).open("ab") as torn:
        torn.write(row_format.MARK * 50)
    file.write(Batch("f", 2, [b"2"], []))
    file.close()
    assert drained(valkey, tmp_path) == [1, 2]
    assert location.set_aside(tmp_path) == {}


def test_a_row_inside_what_somebody_sent_is_not_taken_for_one(
    valkey: Valkey, tmp_path: Path
) -> None:
    forged = row_format.pack(0, 0, 1, msgspec.msgpack.encode(("evil", 1, [b"666"], [])))
    file = left(tmp_path, 0)
    file.write(Batch("f", 1, [b"x" * 100 + forged * 3], []))
    file.write(Batch("f", 2, [b"2"], []))
    file.close()
    flipped(location.own(tmp_path) / file.name, 16 + 9)  # the length in the first one's head
    assert drained(valkey, tmp_path) == [2]


def foreign(path: Path) -> None:
    path.write_bytes(b"no file of ours" * 1000)


def test_files_that_cannot_be_read_are_said_and_keep_nobody_back(
    valkey: Valkey, tmp_path: Path
) -> None:
    filled(tmp_path, 3, number=3)
    ours = location.own(tmp_path)
    foreign(ours / "spool-0.log")
    (ours / "spool-1.log").mkdir()
    (ours / "spool-2.log").symlink_to("spool-3.log")
    (ours / "spool-4.log").touch()
    foreign(ours / "notes.txt")
    foreign(tmp_path / "spool-9.sqlite3")
    os.mkfifo(ours / "spool-5.log")

    async def test(house: House) -> None:
        await house.emptied()
        wanted = {"spool-0.log", "spool-1.log", "spool-2.log", "spool-5.log", "spool-9.sqlite3"}
        assert set(house.spool.unreadable) == wanted
        await house.spool.write(Batch("new", 1, [b"9"], []))
        await house.emptied()
        for name in wanted:
            path = (ours if name.endswith("log") else tmp_path) / name
            path.rmdir() if path.is_dir() else path.unlink()
        house.spool._files._looked = 0.0
        await house.spool.head()
        assert not house.spool.unreadable  # it is over when it is over

    live(valkey.url, tmp_path, test)
    assert [int(name) for name in appended(valkey)] == [0, 1, 2, 9]
    assert (ours / "notes.txt").exists()


def moved(spool: Path) -> None:
    spool.rename(f"{spool}.old")


@pytest.mark.parametrize("away", [shutil.rmtree, moved])
def test_a_directory_that_went_takes_nothing_until_it_is_there_again(
    valkey: Valkey, tmp_path: Path, away: Callable[[Path], object]
) -> None:
    directory = tmp_path / "spool"

    async def test(house: House) -> None:
        valkey.kill()
        await house.keep("0")
        away(directory)
        with pytest.raises(SpoolError, match=r"spool-0\.log is gone"):
            await house.spool.write(Batch("x", 1, [b"no"], []))
        assert "is gone" in house.spool.trouble
        directory.mkdir()
        house.spool._files._looked = 0.0
        await house.spool.head()
        assert not house.spool.trouble
        await house.keep("1")
        assert depth(directory).notifications == 1  # where the next process finds it
        valkey.start()
        await house.emptied()

    live(valkey.url, directory, test)
    assert appended(valkey) == [b"0", b"1"]  # nothing that was acknowledged is lost by it


@pytest.mark.parametrize("instead", [None, Path.touch, foreign])
def test_a_file_that_was_removed_or_replaced_gets_nothing_that_is_acknowledged(
    valkey: Valkey, tmp_path: Path, instead: Callable[[Path], object] | None
) -> None:
    file = location.own(tmp_path) / "spool-0.log"

    async def test(house: House) -> None:
        valkey.kill()
        await house.keep("0")
        file.unlink()
        if instead:
            instead(file)
        await house.keep("1")
        assert depth(tmp_path).notifications == 1
        valkey.start()
        await house.emptied()

    live(valkey.url, tmp_path, test)
    assert appended(valkey) == [b"0", b"1"]
