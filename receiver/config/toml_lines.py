"""The line in which a key of a TOML document stands, which `tomllib` does not say.

The document must be one that `tomllib` has read: here nothing is checked.
"""

import re
import tomllib
from bisect import bisect_right
from typing import Final

Place = tuple[str | int, ...]
"""Keys, and numbers of elements from 0: `("sink", 1, "types", 0)`."""

_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY: Final = re.compile(r"""[A-Za-z0-9_-]+|"(?:\\.|[^"\\])*"|'[^']*'""")
_SCALAR: Final = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})|\'\'\'.*?\'\'\'(?:\'{0,2})'
    r'|"(?:\\.|[^"\\])*"|\'[^\']*\'|[^,\]}\s#]+(?: [0-9][^,\]}\s#]*)?',
    re.DOTALL,
)


class Lines:
    """Where each key and element of a document stands."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ends = [found.start() for found in re.finditer("\n", text)]
        self._lines: dict[Place, int] = {}
        self._tables: dict[Place, int] = {}
        """Place of an array of tables -> the number of its last element."""
        self._at = 0
        self._read()

    def of(self, place: Place) -> int:
        """Return the line of a place; of the table that it would be in where it is not there."""
        while place and place not in self._lines:
            place = place[:-1]
        return self._lines.get(place, 1)

    def _read(self) -> None:
        table: Place = ()
        while self._skip():
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Place:
        several = self._text.startswith("[[", self._at)
        start, self._at = self._at, self._at + (2 if several else 1)
        place = self._key(())
        self._at = self._text.index("]", self._at) + (2 if several else 1)
        if several:
            self._tables[place] = self._tables.get(place, -1) + 1
            place = (*place, self._tables[place])
        self._note(place, start)
        return place

    def _pair(self, table: Place) -> None:
        start = self._at
        place = self._key(table)
        self._note(place, start)
        self._at = self._text.index("=", self._at) + 1
        self._value(place)

    def _key(self, place: Place) -> Place:
        """Read a key with dots in it; in an array of tables it belongs to the last of them."""
        while True:
            self._skip()
            found = _KEY.match(self._text, self._at)
            if not found:
                return place
            self._at = found.end()
            word = found[0]
            name = tomllib.loads(f"k = {word}")["k"] if word[0] in "\"'" else word
            place = (*place, name)
            if place in self._tables and self._followed_by("."):
                place = (*place, self._tables[place])
            if not self._followed_by("."):
                return place
            self._at += 1

    def _value(self, place: Place) -> None:
        self._skip()
        match self._text[self._at]:
            case "[":
                self._elements(place)
            case "{":
                self._inline(place)
            case _:
                found = _SCALAR.match(self._text, self._at)
                self._at = found.end() if found else len(self._text)

    def _elements(self, place: Place) -> None:
        self._at, number = self._at + 1, 0
        while self._skip() and self._text[self._at] != "]":
            self._note((*place, number), self._at)
            self._value((*place, number))
            number += 1
            self._comma()
        self._at += 1

    def _inline(self, place: Place) -> None:
        self._at += 1
        while self._skip() and self._text[self._at] != "}":
            self._pair(place)
            self._comma()
        self._at += 1

    def _comma(self) -> None:
        if self._followed_by(","):
            self._at += 1

    def _followed_by(self, character: str) -> bool:
        self._skip()
        return self._text.startswith(character, self._at)

    def _skip(self) -> bool:
        """Skip blanks and comments; return whether there is more."""
        found = _BLANK.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return self._at < len(self._text)

    def _note(self, place: Place, at: int) -> None:
        line = bisect_right(self._ends, at) + 1
        for end in range(1, len(place) + 1):
            self._lines.setdefault(place[:end], line)
