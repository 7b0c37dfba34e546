"""Errors of `receiver.toml` as one line: the line number, the key and what is wrong.

`tomllib` keeps no line numbers, so the path of a fault is looked up in the text.
"""

import re

_OF_VALUES = ("matching regex", "Invalid value", "Invalid enum")
_PATH = re.compile(r"`\$\.(\w+)(?:\[(\d+)\])?(?:\.([\w-]+))?")
_FIELD = re.compile(r"field `(\w+)`")
_WANTED = {
    "name": "1 to 32 of a-z, 0-9 and - are wanted",
    "kind": "redis-stream, rq or http is wanted",
    "auth": 'kind = "headers" or "client_credentials" is wanted, with what belongs to it',
    "method": "client_secret_basic, client_secret_post or private_key_jwt is wanted",
    "renewal": "overlap or replace is wanted",
    "apply": "auto or manual is wanted",
    "mode": "structured, binary or batch is wanted",
    "function": "a dotted name such as billing.jobs.on_event is wanted",
    "url": "a URL such as https://hooks.example.com/events is wanted, without user and password",
    "headers_env": "names of headers are wanted, none that says how long a request is",
}
_WANTED_OF_POLLS = {
    "kind": "att-inbox, att-status, att-messages or camara-device is wanted",
    "auth": "oauth or basic is wanted",
    "signature": "att or oneapi is wanted",
    "every": "whole seconds from 10 to 900 are wanted",
    "rate": "requests a second are wanted, more than 0",
}


def explain(text: str, message: str) -> str:
    """Return a msgspec message, `… - at `$.sink[1].timeout``, as `line 12: sink 2, timeout: …`."""
    said, _, where = message.partition(" - at ")
    if not (found := _PATH.search(where)):
        field = _FIELD.search(said)
        return f"line {_top(text, field[1])}: {said}{_fix(said)}" if field else said
    table, index, key = found[1], int(found[2] or 0), found[3]
    field = _FIELD.search(said)
    line = line_of(text, table, index, key or (field[1] if field else ""))
    name = f"{table} {index + 1}" + (f", {key}" if key else "")
    if table == "poll" and key in _WANTED_OF_POLLS:
        said = _WANTED_OF_POLLS[key]
    elif any(each in said for each in _OF_VALUES):
        said = _WANTED.get(key or "", said)
    return f"line {line}: {name}: {said}{_fix(said)}"


def line_of(text: str, table: str, index: int, key: str = "") -> int:
    """Return the line of a key in the n-th `[[table]]`, or of the table's header where the key is
    missing.
    """
    lines = text.splitlines()
    heads = [i for i, line in enumerate(lines) if re.match(rf"\s*\[\[\s*{table}\s*\]\]", line)]
    if index >= len(heads):
        return _top(text, table)
    for number in range(heads[index] + 1, len(lines)):
        if re.match(r"\s*\[\[", lines[number]):
            break
        own = re.match(rf"\s*(?:\[{table}\.)?[\"']?{re.escape(key)}[\"']?\s*[=\].]", lines[number])
        if key and own:
            return number + 1
    return heads[index] + 1


def _top(text: str, key: str) -> int:
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(rf"\s*\[*\s*{re.escape(key)}\b", line):
            return number
    return 1


def _fix(said: str) -> str:
    if found := re.search(r"unknown field `(\w+)`", said):
        return f"; remove {found[1]}, or look for the misspelling"
    if found := re.search(r"missing required field `(\w+)`", said):
        return f"; add {found[1]} = …"
    return ""
