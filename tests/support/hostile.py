"""Requests made of recorded ones by breaking them, and what may be answered to them."""

import json
import random
from collections.abc import Callable
from typing import Any

from tests.support.bare import header, request, status
from tests.support.cases import Case, cases
from tests.support.running import TOKEN

ALLOWED = {204, 400, 401, 404, 405, 408, 413, 415, 429, 431}
"""docs/answers.md, what ends a connection before it is a request, and no 5xx: Redis is there."""
CASES = list(cases())
PATHS = ["/att/sms/mo", "/att/sms/delivery-status", "/att/messages", "/camara/notifications"]
VALUES: list[Any] = [
    None, True, -0.0, 1e308, 10**400, -(2**63) - 1, "", " ", "\0", "\x7f", "\u202e", "\ufffe", "💥",
    "a" * 9000, "<x/>", "%00%ff", "tel:", "tel:%C0%A0", "+" + "9" * 400, "٣٤٥", "0x", "NaN",
    "9999-99-99T99:99:99Z", "0000-00-00T00:00:00", "2038-01-19T03:14:08.999999999999+99:99",
    [], {}, [[]], [None], {"": {}}, {"a": {"b": [{"c": 1}]}}, [[[[[[[[[[]]]]]]]]]],
]  # fmt: skip
TOKENS = [
    f"Bearer {TOKEN}", "Bearer", "Bearer ", "Basic eDp5", "", TOKEN, "Bearer \xff\xfe",
    "Bearer " + "x" * 9999,
]  # fmt: skip
NUMBERS = [b'{"a":' + b"1" * 250_000 + tail + b"}" for tail in (b"-", b".", b"e", b"e+")]
"""Long numbers that are none: nearly the largest body that is taken."""
RAW = [
    b"", b"\0" * 50, b"\xff\xfe{\0}\0", b"[" * 5000, b"{" * 300, b'{"a":' * 3000, b"9" * 5000,
    b"NaN", b'"\\ud800"', b"\xef\xbb\xbf{}", b"\xc0\x80",
    b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
    b"<a>" * 3000, b"a=" * 100, b"&" * 500, b"a=%zz&b=%ff", b"\x1f\x8b\x08\0\0\0\0\0\0\xff",
    b'{"a":1}{"b":2}', b'{"a":1,"a":2}', b"[1,]", b"'", b"\r\n\r\n",
    b"0\r\n\r\nGET / HTTP/1.1\r\n\r\n", *NUMBERS,
]  # fmt: skip
KINDS = [
    "application/json", "application/cloudevents+json", "application/cloudevents-batch+json",
    "application/cloudevents+avro", "text/xml", "application/json; charset=utf-7",
    "application/json; charset=idna", "application/json; charset=rot13", "a" * 3000, "/",
    ";;;", "\xff",     'application/json; charset="', "application/json; charset=utf-16",
    "application/JSON;charset=hex",
]  # fmt: skip
HEADERS = [
    "ce-specversion", "ce-id", "ce-type", "ce-source", "ce-time", "ce-", "ce-\x7e", "x-correlator",
    "content-type", "content-encoding", "expect", "accept", "x-forwarded-for", "range", "cookie",
]  # fmt: skip


def made(seed: int) -> tuple[bytes, bool]:
    """One request, the same for the same seed, and whether it is whole: an answer must come."""
    rng = random.Random(seed)
    case = rng.choice(CASES)
    path = case.path if rng.random() < 0.9 else rng.choice(PATHS)
    if rng.random() < 0.2:
        path += rng.choice(["/promo", "/", "/x/y", "/%2e%2e", "/" + "a" * 65, "/%00", "/..;", "//"])
    if rng.random() < 0.05:
        path += f"?access_token={TOKEN}" + rng.choice(["", "%00", "&access_token=x", "&" * 99])
    body = _body(rng, case)
    method = "POST" if rng.random() < 0.95 else rng.choice(["GET", "PUT", "OPTIONS"])
    message = request(path, body, *_headers(rng, case), method=method)
    if rng.random() < 0.1:
        return _flip(rng, message), False
    return message, True


def judged(answer: bytes) -> str:
    """What is wrong with an answer; empty when nothing is."""
    code = status(answer)
    if code not in ALLOWED:
        return f"answered {answer[:200]!r}"
    if header(answer, b"location") is not None:
        return "a redirect"
    body = answer.partition(b"\r\n\r\n")[2]
    if body:
        said = json.loads(body)
        if said["status"] != code:
            return f"says {said['status']} in a {code}"
    return ""


def _headers(rng: random.Random, case: Case) -> list[tuple[str, bytes]]:
    token = TOKENS[0] if rng.random() < 0.9 else rng.choice(TOKENS)
    headers = [("authorization", token), *case.headers]
    while rng.random() < 0.3:
        roll = rng.random()
        if roll < 0.3:
            headers = [one for one in headers if one[0] != "content-type"]
            headers.append(("content-type", rng.choice(KINDS)))
        elif roll < 0.5 and headers:
            headers.append(rng.choice(headers))
        elif roll < 0.6 and len(headers) > 1:
            headers.pop(rng.randrange(1, len(headers)))
        else:
            headers.append((rng.choice(HEADERS), str(rng.choice(VALUES))))
    clean = str.maketrans({"\0": "", "\r": "", "\n": ""})
    return [(name, v.translate(clean).encode("latin-1", "replace")) for name, v in headers]


def _body(rng: random.Random, case: Case) -> bytes:
    roll = rng.random()
    if roll < 0.1:
        return rng.choice(RAW)
    if roll < 0.3:
        return _flip(rng, case.body)
    try:
        value = json.loads(case.body)
    except ValueError:
        return _flip(rng, case.body)
    for _ in range(rng.randrange(1, 4)):
        value = _broken(rng, value)
    text = json.dumps(value, ensure_ascii=rng.random() < 0.5)
    return text.encode("utf-8", "surrogatepass")


def _broken(rng: random.Random, value: Any) -> Any:
    """The same value with one place in it changed, added, doubled or taken away."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        name = rng.choice(list(value))
        change: Callable[[], Any] = rng.choice(
            [
                lambda: {**value, name: _broken(rng, value[name])},
                lambda: {**value, name: _broken(rng, value[name])},
                lambda: {**value, name: rng.choice(VALUES)},
                lambda: {k: v for k, v in value.items() if k != name},
                lambda: {**value, name.swapcase(): rng.choice(VALUES)},
                lambda: {**value, str(rng.choice(VALUES)): value[name]},
                lambda: {name: value},
            ]
        )
        return change()
    if isinstance(value, list) and value and rng.random() < 0.9:
        index = rng.randrange(len(value))
        if rng.random() < 0.3:
            return value * rng.choice([0, 2, 50])
        return [*value[:index], _broken(rng, value[index]), *value[index + 1 :]]
    if isinstance(value, str) and rng.random() < 0.5:
        cut = rng.randrange(len(value) + 1)
        return (
            value[:cut] + rng.choice(["", "\0", "\ud800", "é", "💥", "%", "+", "\\"]) + value[cut:]
        )
    return rng.choice(VALUES)


def _flip(rng: random.Random, data: bytes) -> bytes:
    """Bytes changed, cut out, doubled or put in."""
    changed = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(changed) + 1)
        roll = rng.random()
        if roll < 0.4 and at < len(changed):
            changed[at] = rng.randrange(256)
        elif roll < 0.6:
            del changed[at : at + rng.randrange(1, 20)]
        elif roll < 0.8:
            changed[at:at] = changed[at : at + 50] * rng.randrange(1, 4)
        else:
            changed[at:at] = rng.randbytes(rng.randrange(1, 9))
    return bytes(changed)
