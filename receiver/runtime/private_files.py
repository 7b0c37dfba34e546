"""Files that only their owner may read: secrets, addresses, marks."""

import os
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Write a whole file with mode 0600, atomically. Raises `OSError`."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    new.replace(path)
