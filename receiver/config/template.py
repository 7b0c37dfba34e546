"""The `receiver.toml` that `receiver init` writes."""

import re
from pathlib import Path


def text() -> str:
    """Return it: everything commented out."""
    return (Path(__file__).parent / "template.toml").read_text("utf-8")


def uncommented() -> str:
    """Return it with everything in it that can be uncommented: what `#` and no blank begins."""
    return re.sub(r"^#(?=[^ #\n])", "", text(), flags=re.MULTILINE)
