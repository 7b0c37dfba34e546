"""Changing what stands in a spool file: which rows it concerns, and a copy of the file with them.

A row's head says its place in the file, so none can be changed alone.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from receiver.intake.inbound_writer import Batch
from receiver.intake.spool import batch_body, row_format
from receiver.intake.spool.depth import Depth, plus
from receiver.intake.spool.row_format import Row
from receiver.runtime.private_files import write_at

Change = Callable[[Batch], Batch]
"""Returns a batch without some of its entries, or as it is; never another number."""
_CHUNK: Final = 1024 * 1024


class Changes(NamedTuple):
    """What is to be changed in one file."""

    batches: dict[int, Batch]
    """Place of a row -> what its batch is to be."""
    accepted: int
    """How many notifications go."""
    refused: int
    """How many refusals go."""


def changes(found: Iterable[tuple[Row, Batch | None]], change: Change) -> Changes:
    """Return what `change` makes of the batches of a file; damaged rows have none."""
    batches: dict[int, Batch] = {}
    accepted = refused = 0
    for row, batch in found:
        if batch and (new := change(batch)) != batch:
            batches[row.place] = new
            accepted += len(batch.accepted) - len(new.accepted)
            refused += len(batch.refused) - len(new.refused)
    return Changes(batches, accepted, refused)


def copy(
    rows: Iterable[tuple[Row, bytes]], changes: Changes, file: int, head: bytes
) -> tuple[Depth, int]:
    """Write `head` and the rows, changed, to an empty file; they keep their time and order. Returns
    its depth and its size. Raises `OSError`.
    """
    depth, data, size = Depth(), bytearray(head), 0
    for place, row, body in _placed(rows, changes, len(head)):
        whole = row_format.pack(place, row.at, row.notifications, body)
        depth = plus(depth, Depth(1, row.notifications, len(whole), row.at or None))
        data += whole
        if len(data) > _CHUNK:
            write_at(file, data, size)
            size, data = size + len(data), bytearray()
    write_at(file, data, size)
    return depth, size + len(data)


def _placed(
    rows: Iterable[tuple[Row, bytes]], changes: Changes, place: int
) -> Iterator[tuple[int, Row, bytes]]:
    """Yield each row as it is to be, with its place in the new file."""
    for row, body in rows:
        if batch := changes.batches.get(row.place):
            body = batch_body.encode(batch)
            row = row._replace(notifications=len(batch.accepted))
        yield place, row, body
        place += row_format.HEAD + len(body)
