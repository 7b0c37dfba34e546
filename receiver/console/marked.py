"""A body with its fault marked: where the reason of a refusal names a place in it."""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from receiver.console.mask import Masks

_BYTE: Final = re.compile(r"\(byte (\d{1,9})\)").search
_LINE: Final = re.compile(r"\(line (\d{1,9})\)").search
_KEY: Final = re.compile(r'("(?:[^"\\]|\\.)*"): ').match
_ITEM: Final = re.compile(r"^\[\d+\]\.?")

_LONGEST: Final = 64
"""Of a key: no reason names one that is as long, and all that is inside would repeat it."""


class Marked(msgspec.Struct, frozen=True):
    """A body as it is shown, in three parts; without a place only the first has anything."""

    before: str
    fault: str = ""
    after: str = ""
    note: str = ""
    """Where the fault is, in words, where the body itself is not shown."""


def marked(body: bytes, reason: str, masks: Masks) -> Marked:
    """Return a body with the place marked that a reason names: a path, a byte or a line."""
    text = masks.body(body)
    if _BYTE(reason) or _LINE(reason):
        return _at_position(body, text, reason, masks)
    lines = text.split("\n")
    at = _place(reason.partition(":")[0], lines) if text[:1] in ("{", "[") else -1
    if at < 0:
        return Marked(text)
    before, after = "".join(f"{one}\n" for one in lines[:at]), lines[at + 1 :]
    return Marked(before, lines[at], "".join(f"\n{one}" for one in after))


def _at_position(body: bytes, text: str, reason: str, masks: Masks) -> Marked:
    """Mark the fault in a body that is no JSON, which is shown only where masks hide nothing."""
    byte, line = _BYTE(reason), _LINE(reason)
    if not masks.clear:
        return Marked(text, note=f"The fault is at {(byte or line or [''])[0].strip('()')}.")
    if byte:
        first = len(body[: int(byte[1])].decode("utf-8", "replace"))
        last = first + 1
    else:
        starts = [0, *(found.end() for found in re.finditer("\n", text)), len(text)]
        number = min(int(line[1]) if line else 1, len(starts) - 1)
        first, last = starts[max(0, number - 1)], starts[number]
    return Marked(text[:first], text[first:last] or "⏎", text[last:])


def _place(path: str, lines: list[str]) -> int:
    """Return the line of a path, else of the nearest object around it; -1 where it names none."""
    if path in ("body", "content-type") or not re.match(r"[\w.$@\[\]-]+$", path):
        return -1
    wanted, parent = [path, _ITEM.sub("", path)], path
    while parent := parent[: max(parent.rfind("."), parent.rfind("["), 0)]:
        wanted.append(parent)
    found: dict[str, int] = {}
    for at, known in enumerate(_paths(lines)):
        if known in wanted:
            found.setdefault(known, at)
    return next((found[one] for one in wanted if one in found), 0)


def _paths(lines: list[str]) -> Iterator[str]:
    """Yield the path of what begins on each line of JSON; "-" for a closing bracket."""
    above: list[str] = []
    counts: list[int] = []
    for line in lines:
        words = line.lstrip(" ")
        level = (len(line) - len(words)) // 2
        if words[:1] in ("}", "]"):
            yield "-"
            continue
        del above[level:], counts[level + 1 :]
        counts += [0] * (level + 1 - len(counts))
        parent = "".join(above)
        if key := _KEY(words):
            name = f".{_name(key[1])}"
        else:
            name = f"[{counts[level]}]" if level else ""
        counts[level] += 1
        above.append(name)
        yield (parent + name).lstrip(".")


def _name(key: str) -> str:
    """Return a key as paths have it; of one that is long, or no JSON by itself, that there is one:
    lines as they came may have any.
    """
    try:
        return str(msgspec.json.decode(key)) if len(key) < _LONGEST else "…"
    except msgspec.MsgspecError:
        return "…"
