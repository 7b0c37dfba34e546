"""What the segment files of one sink hold, and the same files after a restart."""

from pathlib import Path

from workers.parking.parked_files import ParkedFiles


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
