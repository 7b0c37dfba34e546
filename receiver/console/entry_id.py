"""Ids of stream entries, as they come in addresses."""

from receiver.operations.stream_entry import is_entry


def entry_id(text: str) -> str:
    """Return a stream entry's id; empty where the text is none."""
    return text if is_entry(text) else ""
