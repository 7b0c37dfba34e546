"""The command line of a benchmark that is run by hand."""

import argparse
from typing import Any


def options(about: str | None, **defaults: Any) -> argparse.Namespace:
    """Return these options as they were given, each of the type of its default."""
    parser = argparse.ArgumentParser(description=about)
    for name, value in defaults.items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    return parser.parse_args()
