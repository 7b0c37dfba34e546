"""What version 0.1.0 left in its spool, in SQLite, comes out after an upgrade."""

import asyncio
import fcntl
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest

from receiver.intake.spool import legacy_sqlite, location
from receiver.intake.spool.depth import Depth
from receiver.intake.spool.spool import Spool
from tests.support.spools import depth, drained, filled
from tests.support.valkey import Valkey

SCHEMA = """
CREATE TABLE batch (
    place INTEGER PRIMARY KEY AUTOINCREMENT, flusher TEXT NOT NULL, number INTEGER NOT NULL,
    at INTEGER NOT NULL, notifications INTEGER NOT NULL, bytes INTEGER NOT NULL,
    entries BLOB NOT NULL
)
"""


def old(directory: Path, number: int, *names: bytes, padding: int = 0) -> Path:
    """A file as version 0.1.0 left it when it was killed: some of it in the write-ahead log."""
    directory.mkdir(exist_ok=True)
    path = directory / f"spool-{number}.sqlite3"
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(SCHEMA)
    for place_of, name in enumerate(names, 1):
        entries = msgspec.msgpack.encode(([name], [b"r" * padding] if padding else []))
        row = ("old", place_of, 1_700_000_000_000, 1, len(entries), entries)
        db.execute("INSERT INTO batch VALUES (NULL, ?, ?, ?, ?, ?, ?)", row)
    copy = path.with_name("copy")
    for rest in ("", "-wal"):
        shutil.copy(f"{path}{rest}", f"{copy}{rest}")
    db.close()
    for rest in ("", "-wal"):
        Path(f"{copy}{rest}").rename(f"{path}{rest}")
    (directory / f"spool-{number}.lock").touch()
    return path


def test_what_the_version_before_left_is_drained_after_an_upgrade(
    valkey: Valkey, tmp_path: Path
) -> None:
    path = old(tmp_path, 0, b"0", b"1", b"2")
    assert depth(tmp_path).notifications == 3
    filled(tmp_path, 1, number=0)
    assert sorted(drained(valkey, tmp_path)) == [0, 0, 1, 2]
    assert not path.exists()
    assert location.look(tmp_path) == location.SpoolContents(Depth(), {}, {})


def test_a_file_of_the_version_before_that_a_process_of_it_has_is_left_to_it(
    valkey: Valkey, tmp_path: Path
) -> None:
    path = old(tmp_path, 0, b"0")
    with (tmp_path / "spool-0.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert drained(valkey, tmp_path) == []
    assert path.exists()
    assert drained(valkey, tmp_path) == [0]


def test_of_several_processes_that_start_at_once_none_fails_at_what_another_took_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        old(tmp_path, number, b"%d" % number)
    move = legacy_sqlite.move

    async def start() -> None:
        spool = Spool(tmp_path, 1024**3)
        await spool.start()
        await spool.close()

    def while_another_starts(*words: Any) -> None:
        monkeypatch.undo()
        asyncio.run(start())
        move(*words)

    monkeypatch.setattr(legacy_sqlite, "move", while_another_starts)
    asyncio.run(start())
    assert depth(tmp_path).notifications == 3


def test_a_damaged_file_of_the_version_before_gives_what_can_be_read_and_is_kept(
    valkey: Valkey, tmp_path: Path
) -> None:
    path = old(tmp_path, 0, *(b"%d" % number for number in range(300)), padding=900)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        db.execute("UPDATE batch SET entries = 'x' WHERE place = 11")
    db.close()
    data = bytearray(path.read_bytes())
    data[4096 * 20 : 4096 * 21] = b"\xff" * 4096
    path.write_bytes(data)
    found = drained(valkey, tmp_path)
    assert found == sorted(found)
    assert 10 not in found
    assert {0, 299} <= set(found)
    assert len(found) > 250
    assert len(list(tmp_path.glob("spool-0.sqlite3.*.damaged"))) == 1
    assert sum(location.set_aside(tmp_path).values()) == 2
    assert drained(valkey, tmp_path) == found  # once
