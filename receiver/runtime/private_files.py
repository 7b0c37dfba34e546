"""Files that nobody else may read: secrets, addresses, marks."""

import os
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Write all of a file or nothing, and never readable by others. Raises `OSError`."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    new.replace(path)
