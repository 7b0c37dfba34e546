"""The `receiver.toml` that `receiver init` writes."""

from pathlib import Path


def text() -> str:
    """Return it: everything commented out."""
    return (Path(__file__).parent / "template.toml").read_text("utf-8")
