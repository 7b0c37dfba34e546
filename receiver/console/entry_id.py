"""Ids of stream entries, as they come in addresses."""

from receiver.operations.stream_entry import is_entry


def entry_id(text: str) -> str:
    """Return a stream entry's id; empty where the text is none. `0-0` is before every entry: Redis
    refuses to look for what comes before it.
    """
    return text if is_entry(text) and text.strip("0") != "-" else ""
