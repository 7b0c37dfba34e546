"""One change of one source file."""

from typing import NamedTuple

MEANING = {
    "comparison": "a limit or an equality is decided the other way",
    "connective": "one of two conditions is enough, or both are needed",
    "negation": "a condition means its opposite",
    "arithmetic": "a number is computed wrongly",
    "number": "a limit, size or position is off by one",
    "text": "a name or pattern is another one",
    "flag": "an option is the other way round",
    "always": "a condition is not asked: always so",
    "never": "a condition is not asked: never so",
    "result": "a function gives nothing back",
    "statement": "a step is left out",
    "loop": "a loop ends at the first entry it should skip",
}
"""Kind of a change -> what it would mean if no test noticed it."""


class Mutant(NamedTuple):
    """A replacement of the bytes from `start` to `end` of `source`, which `path` held."""

    path: str
    source: bytes
    line: int
    start: int
    end: int
    replacement: str
    kind: str

    def applied(self) -> bytes:
        """Return the source with the change in it."""
        return self.source[: self.start] + self.replacement.encode() + self.source[self.end :]

    def lines(self) -> tuple[str, str]:
        """Return the changed line before and after, without indentation."""
        begin = self.source.rfind(b"\n", 0, self.start) + 1
        after = self.start + len(self.replacement.encode())
        return (
            _until_newline(self.source, begin, self.end),
            _until_newline(self.applied(), begin, after),
        )


def _until_newline(source: bytes, begin: int, end: int) -> str:
    stop = source.find(b"\n", end)
    text = source[begin : stop if stop >= 0 else len(source)].decode()
    return " ".join(text.split())
