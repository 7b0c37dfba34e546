"""Ids of stream entries."""


def order(entry: str) -> tuple[int, int]:
    """Return the sort key of an entry's id: its time (ms) and its number in that."""
    milliseconds, _, number = entry.partition("-")
    return int(milliseconds), int(number)
