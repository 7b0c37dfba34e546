"""Mutants of a Lua script, found line by line; what spans several lines is left alone."""

import re
from collections.abc import Iterator

from tests.mutants.mutant import Mutant

_REPLACED = (
    (r"==", "~=", "comparison"),
    (r"~=", "==", "comparison"),
    (r"<=", "<", "comparison"),
    (r">=", ">", "comparison"),
    (r"(?<![<>=~])<(?!=)", "<=", "comparison"),
    (r"(?<![<>=~])>(?!=)", ">=", "comparison"),
    (r"\band\b", "or", "connective"),
    (r"\bor\b", "and", "connective"),
    (r"\bnot\s+", "", "negation"),
    (r"(?<= )\+(?= )", "-", "arithmetic"),
    (r"(?<= )-(?= )", "+", "arithmetic"),
    (r"(?<= )\*(?= )", "/", "arithmetic"),
    (r"(?<=\bif )(?=\S).*\S(?= then$)", "true", "always"),
    (r"(?<=\bif )(?=\S).*\S(?= then$)", "false", "never"),
    (r"(?<=\breturn )\S.*$", "nil", "result"),
    (r"(?<![\w.'])\d+(?![\w.'])", "+1", "number"),
    (r"\btrue\b", "false", "flag"),
    (r"\bfalse\b", "true", "flag"),
    (r"(?<=[=(,{] )'[^' ]+'", "''", "text"),
    (r"(?<=[({\[])'[^' ]+'(?!,)", "''", "text"),
)
_CODE = re.compile(r"(?:[^'-]|'[^']*'|-(?!-))*")
_STEP = re.compile(r"\s*((?:redis\.call|table\.\w+)\(.*\)|[\w.\[\]#+ ]+ = .+)$")


def mutants(path: str, source: bytes) -> Iterator[Mutant]:
    """Yield every mutant of the script."""
    offset = 0
    for number, line in enumerate(source.decode().splitlines(keepends=True), 1):
        code = _code(line)
        for start, end, replacement, kind in _changes(code):
            at = offset + len(code[:start].encode())
            length = len(code[start:end].encode())
            yield Mutant(path, source, number, at, at + length, replacement, kind)
        offset += len(line.encode())


def _changes(code: str) -> Iterator[tuple[int, int, str, str]]:
    texts = [found.span() for found in re.finditer(r"'[^']*'", code)]
    for pattern, replacement, kind in _REPLACED:
        for found in re.finditer(pattern, code):
            within = any(start < found.start() < end for start, end in texts)
            if not within and _closed(found.group()):
                new = str(int(found.group()) + 1) if kind == "number" else replacement
                yield *found.span(), new, kind
    step = _STEP.match(code)
    if step and _closed(step[1]) and not step[1].startswith(("local ", "for ")):
        yield *step.span(1), "", "statement"


def _code(line: str) -> str:
    """Return the line without its comment."""
    found = _CODE.match(line.rstrip("\n"))
    return found[0].rstrip() if found else ""


def _closed(text: str) -> bool:
    pairs = all(text.count(one) == text.count(other) for one, other in ("()", "{}", "[]"))
    return pairs and not re.search(r"\b(function|do|then)$", text)
