"""Reading what is stored in Redis, whatever another program has written there."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

import msgspec

T = TypeVar("T")

UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for something stored that is none of ours: also a text that is not UTF-8, and
what is nested too deep, have errors of their own."""
LONGEST: Final = 19
"""Characters of a whole number: a longer one is none of ours, and more than a counter holds."""
_is_digest: Final = re.compile(b"[0-9a-f]{64}").fullmatch


def decoded(decode: Callable[[bytes], T], stored: bytes | None) -> T | None:
    """Return what is stored, by its decoder; None where nothing is, or somebody else wrote it."""
    try:
        return decode(stored) if stored else None
    except UNREADABLE:
        return None


def text(value: bytes) -> str:
    """Return a name or a text; what is no UTF-8 in it is replaced."""
    return value.decode("utf-8", "replace")


def texts(stored: Mapping[bytes, bytes]) -> dict[str, str]:
    """Return the fields of a hash as texts."""
    return {text(name): text(value) for name, value in stored.items()}


def is_whole(value: bytes | str) -> bool:
    """Return whether a value is a whole number as Redis counts."""
    digits = value.removeprefix("-") if isinstance(value, str) else value.removeprefix(b"-")
    return digits.isascii() and digits.isdigit() and len(value) <= LONGEST


def whole(value: bytes | str | None) -> int:
    """Return a whole number; 0 where there is none, or something else stands there."""
    return int(value) if value is not None and is_whole(value) else 0


def number(value: bytes | str | None) -> float:
    """Return a finite number; 0 where there is none, or something else stands there."""
    try:
        found = float(value or 0)
    except ValueError:
        return 0.0
    return found if math.isfinite(found) and abs(found) < 2**63 else 0.0


def time_of(score: float) -> int:
    """Return the time (ms) that is the score of a member; 0 where no time can be."""
    return round(score) if abs(score) < 2**53 else 0


def digest_of(name: bytes) -> bytes:
    """Return the SHA-256 that a name says in hexadecimal digits; empty where it says none."""
    return bytes.fromhex(name.decode()) if _is_digest(name) else b""


def counts(stored: Mapping[bytes, bytes]) -> dict[str, int]:
    """Return the fields of a hash of counts; what is no whole number is left out."""
    return {text(name): int(value) for name, value in stored.items() if is_whole(value)}
