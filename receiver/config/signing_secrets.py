"""Secrets with which carriers sign what they send: one environment variable for each callback.

Only the web process reads them, and a carrier gets them as an argument: it knows no environment.
"""

import re
from collections.abc import Mapping
from typing import Final

PREFIX: Final = "RECEIVER_SIGNING_SECRET_"


def variable(callback: str) -> str:
    """Return the variable of a callback: `RECEIVER_SIGNING_SECRET_EXAMPLE_SMS` of `example.sms`."""
    return PREFIX + re.sub(r"[^A-Z0-9]", "_", callback.upper())


def read(environ: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return variable -> secrets, of those that are set. Several stand between commas: two are
    valid while one is replaced by the other.
    """
    found = {
        name: tuple(filter(None, map(str.strip, value.split(","))))
        for name, value in environ.items()
        if name.startswith(PREFIX)
    }
    return {name: secrets for name, secrets in found.items() if secrets}
