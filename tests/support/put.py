"""Files that somebody else reads while a test writes them."""

from pathlib import Path


def put(path: Path, text: str) -> None:
    """Whole, under its name, as whoever manages configuration does it: whoever reads meanwhile has
    the old one or the new one, and none that is empty.
    """
    other = path.with_name(f"{path.name}.new")
    other.write_text(text)
    other.rename(path)
