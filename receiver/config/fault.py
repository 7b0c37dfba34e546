"""A fault of the configuration: where it is, and what to do."""

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

COMMAND: Final = "receiver config check"
_NAME: Final = re.compile(r"[A-Z_][A-Z0-9_]{0,63}").fullmatch


class SettingsError(Exception):
    """A setting is wrong; the message is one line for the operator."""


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong, in words that show no secret."""

    place: str
    """The file, or the environment variable."""
    said: str
    line: int | None = None
    """Of the file, from 1; None where it is all of it, or none."""

    def __str__(self) -> str:
        """Return it as one line for the operator."""
        return f"{self.place}: " + (f"line {self.line}: " if self.line else "") + self.said


def refuse(faults: Sequence[Fault]) -> None:
    """Raise `SettingsError` where there are faults."""
    if faults:
        raise SettingsError(sentence(faults))


def sentence(wrong: Sequence[object]) -> str:
    """Return the first thing that is wrong, and how many more there are; empty where nothing is."""
    more = f" ({len(wrong) - 1} more: {COMMAND})" if len(wrong) > 1 else ""
    return f"{wrong[0]}{more}" if wrong else ""


def shown(variable: str) -> str:
    """Return the name of an environment variable as a message may have it: what does not look like
    one may be the secret itself, put where its name was wanted.
    """
    return variable if _NAME(variable) else "(not shown)"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that a misspelling is nearest to; empty where none is near."""
    return next(iter(difflib.get_close_matches(name, sorted(known), 1, 0.7)), "")
