"""The parked events of one sink on this machine's disk: segment files, on disk before they count.

Redis says which of them count (`receiver.contract.redis_keys.sink_parking`); what is in a block
that Redis does not know of was never taken from the stream. One process at a time has a sink's
files open; the kernel gives its lock back when it ends.
"""

import contextlib
import errno
import fcntl
import os
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

import structlog

from receiver.contract.entry_ids import order
from receiver.runtime.private_files import sync_directory, write_private
from workers.parking import segment
from workers.parking.disk import open_lock, unused_name
from workers.parking.segment import Block, DamagedError, Entry
from workers.parking.segment_writer import SegmentWriter, segment_name

log = structlog.get_logger()


class ParkedFiles:
    """The segment files of one sink, locked. For one thread; every method may raise `OSError`."""

    def __init__(self, directory: Path) -> None:
        """Lock and read the directory, which is made if need be. Raises `BlockingIOError` while
        another process has it.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        self._blocks: deque[tuple[str, Block]] = deque()
        self._bare: list[Path] = []
        """Files without a sound block."""
        self._writer = SegmentWriter(directory)
        self._decoded: tuple[tuple[str, Block], list[Entry]] | None = None
        """The block that was read last, and its events: they are taken bit by bit."""
        self._searched: tuple[int, str] | None = None
        """For which number and entry `claim` has looked through what was set aside."""
        with contextlib.ExitStack() as opened:
            self._lock = open_lock(directory / "lock")
            opened.callback(os.close, self._lock)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for path in directory.glob("*.new"):
                path.unlink()  # of a process that was stopped while it erased
            for path in filter(_is_ours, sorted(directory.glob("*.segment"))):
                blocks = segment.blocks(path)
                self._blocks += ((path.name, one) for one in blocks)
                if not blocks:
                    self._bare.append(path)
            self._opened = opened.pop_all()

    def close(self) -> None:
        """Close the files and end the lock; what is in them stays."""
        self._writer.close()
        self._opened.close()

    @property
    def bytes(self) -> int:
        """Return the bytes of all blocks on the disk."""
        return sum(block.size for _, block in self._blocks)

    @property
    def end(self) -> int:
        """Return the number after the last event's; 0 where there is none."""
        return self._blocks[-1][1].end if self._blocks else 0

    @property
    def last(self) -> str:
        """Return the entry id of the last event; empty where there is none."""
        return self._blocks[-1][1].last if self._blocks else ""

    def unclaimed(self, total: int, to: str = "") -> Block | None:
        """Return the first block that begins with this number or a later one, or has an entry later
        than `to`, if there is one.
        """
        if self.end <= total and (not to or not self.last or order(self.last) <= order(to)):
            return None
        return next((block for _, block in self._blocks if block.is_beyond(total, to)), None)

    def claim(self, total: int, after: str, to: str) -> bool:
        """Take in files that were set aside: a Redis that counts on them was put back. Their first
        block comes behind all others and before the number `total`; their entries lie behind
        `after`, and up to `to`. Returns whether there were any; what comes behind the first block
        may be unclaimed. The files may be gigabytes: they are looked through once
        for one number and entry.
        """
        if self.end >= total or self._searched == (total, to):
            return False
        known = len(self._blocks)
        for path in sorted(self._directory.glob("*unclaimed")):
            blocks = segment.blocks(path)
            if not blocks or blocks[0].number < self.end or blocks[0].is_beyond(total, to):
                continue
            if order(blocks[-1].last) > order(after):
                name = segment_name(blocks[0].number)
                log.warning("parking.claimed", directory=self._directory.name, file=name)
                path.rename(self._directory / name)
                sync_directory(self._directory)
                self._writer.close()  # what comes next stands behind these, in another file
                self._blocks += ((name, one) for one in blocks)
        self._searched = total, to
        return len(self._blocks) > known

    def append(self, number: int, entries: Sequence[Entry]) -> None:
        """Append events, the first under this number, and return when they are on disk."""
        data = segment.pack(number, entries)
        name, at = self._writer.append(number, data)
        (block,) = segment.scan(lambda at, n: data[at : at + n], len(data))
        self._blocks.append((name, Block(at, *block[1:])))

    def next(self, number: int) -> tuple[int, list[Entry]] | None:
        """Return the events from this number on to the end of the first sound block that has any,
        after the number of the first of them. None where there are none. Damaged blocks before it
        are set aside.
        """
        previous = ""
        for name, block in self._blocks:
            if block.end > number:
                found = self._read(name, block)
                if block.number > number or not found:
                    self._keep(name, *([previous] if previous else []))
                if found:
                    start = max(number, block.number)
                    return start, found[start - block.number :]
                number = block.end
            previous = name
        return None

    def drop(self, number: int) -> None:
        """Delete files whose events all have lower numbers. One that cannot be deleted, as on a
        disk that may only be read, stays until the next start: what else is there comes back.
        """
        while self._blocks and self._blocks[0][1].end <= number:
            name, _ = self._blocks.popleft()
            if not self._blocks or self._blocks[0][0] != name:
                self._writer.close(name)
                try:
                    (self._directory / name).unlink(missing_ok=True)
                except OSError as error:
                    log.error("parking.stays", file=name, reason=error.strerror)

    def cut(self, number: int) -> None:
        """Delete the blocks from this number on, which nobody counts on."""
        while self._blocks and self._blocks[-1][1].number >= number:
            name, block = self._blocks.pop()
            self._writer.close(name)
            if block.at:
                counts = bool(self._blocks) and self._blocks[-1][0] == name
                _shorten(self._directory / name, block.at, counts=counts)
            else:
                (self._directory / name).unlink(missing_ok=True)

    def set_aside(self, number: int) -> None:
        """Keep the blocks from this number on under another name: Redis does not know of them."""
        self._writer.close()
        self._searched = None
        aside = [(name, block) for name, block in self._blocks if block.number >= number]
        left = {name for name, block in self._blocks if block.number < number}
        for name, first in sorted(dict(reversed(aside)).items()):
            log.error("parking.unclaimed", directory=self._directory.name, file=name)
            path = self._directory / name
            kept = unused_name(path, "unclaimed")
            if first.at:
                write_private(kept, path.read_bytes()[first.at :])
                sync_directory(self._directory)
                _shorten(path, first.at, counts=name in left)
            else:
                path.rename(kept)
        for one in aside:
            self._blocks.remove(one)

    def clear_bare(self, total: int) -> None:
        """Delete files without a sound block that begin at this number or later: their writer was
        stopped. Others are kept as damaged.
        """
        while self._bare:
            path = self._bare.pop()
            if int(path.stem) >= total:
                path.unlink()
            else:
                path.rename(unused_name(path, "damaged"))

    def erase(self, about: segment.About, returned: int) -> Iterator[tuple[str, int, int]]:
        """Erase the events from number `returned` on that are `about` a person. Yields of each
        file its name, how many are to go from it, and how many places could not be looked through;
        and once more when they have gone. Files kept under another name are such places. What is
        appended meanwhile goes into a new file.
        """
        self._writer.close()
        yield "", 0, sum(not _is_ours(one) for one in self._directory.glob("*.segment*"))
        for name in dict.fromkeys(name for name, _ in self._blocks):
            path = self._directory / name
            if not path.exists():
                continue
            before = path.read_bytes()
            data, gone, unread = segment.erase(before, about, returned)
            yield name, gone, unread
            if data != before:
                self._decoded = None
                write_private(path, data)
                sync_directory(self._directory)
                own = [(name, block) for block in segment.blocks(path)]
                kept = [one for one in self._blocks if one[0] != name]
                self._blocks = deque(sorted([*kept, *own]))
                yield name, 0, 0

    def _read(self, name: str, block: Block) -> list[Entry]:
        """Return the events of a block; none where it is damaged. Raises `OSError` where the whole
        directory is gone, which may come back.
        """
        if self._decoded and self._decoded[0] == (name, block):
            return self._decoded[1]
        try:
            with (self._directory / name).open("rb", buffering=0) as file:
                found = segment.events(os.pread(file.fileno(), block.size, block.at))
                self._decoded = (name, block), found
                return found
        except DamagedError:
            return []
        except FileNotFoundError:
            if not self._in_its_place():
                raise OSError(errno.ENOENT, "its directory is gone") from None
            return []

    def _in_its_place(self) -> bool:
        """Return whether the directory is the one that was locked."""
        with contextlib.suppress(FileNotFoundError):
            return os.path.samestat((self._directory / "lock").stat(), os.fstat(self._lock))
        return False

    def _keep(self, *names: str) -> None:
        """Give damaged files a second name, under which they stay when all else was returned."""
        for name in sorted(set(names)):
            log.error("parking.damaged", directory=self._directory.name, file=name)
            path = self._directory / name
            if path.exists() and path.stat().st_nlink == 1:  # else it has been kept
                unused_name(path, "damaged").hardlink_to(path)


def _is_ours(path: Path) -> bool:
    """Return whether a writer of ours has begun a file: somebody may have made copies of some."""
    return path.suffix == ".segment" and path.stem.isdecimal()


def _shorten(path: Path, at: int, *, counts: bool) -> None:
    """Leave of a file what stands before a place, if it has a block that `counts`. Else all blocks
    there have come back, and the next start would take them for events that have their numbers by
    then: the file is deleted, or kept as damaged where it has bytes that are no block.
    """
    if counts:
        os.truncate(path, at)
    elif all(isinstance(one, Block) for one in segment.scan_file(path) if one.at < at):
        path.unlink()
    else:
        os.truncate(path, at)
        path.rename(unused_name(path, "damaged"))
