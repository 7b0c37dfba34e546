"""A web process with two listeners, a small cap and a token for one listener, and its answers."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from receiver.auth.bearer import Credential
from receiver.carriers import CALLBACKS
from receiver.contract.records import Refusal, decode_refusal
from receiver.contract.redis_keys import CREDENTIALS, REJECTED
from receiver.simulate.samples import build
from tests.support.bare import connect, header, read_answer, request, status
from tests.support.eventually import eventually
from tests.support.running import TOKEN, Receiver
from tests.support.valkey import Valkey

BEARER = ("authorization", f"Bearer {TOKEN}")
PROMO = "a-token-for-promo-only"
CAMARA = "/camara/notifications"
PATHS = [callback.path for callback in CALLBACKS]
SAMPLES = {
    "/att/sms/mo": "mo",
    "/att/sms/delivery-status": "delivery-status",
    "/att/messages": "inbox-added",
    CAMARA: "reachability",
}
CAP = 2000
CONFIG = """
[[listener]]
name = "default"
inbox_text = true
[[listener]]
name = "promo"
[handshake]
origins = ["events.example.com"]
rate = 120
"""


@contextmanager
def answering(directory: Path) -> Iterator[Receiver]:
    """A web half with two listeners, a small cap and a token for `promo` only, while the block
    lasts.
    """
    (directory / "receiver.toml").write_text(CONFIG)
    valkey = Valkey()
    found = Receiver(valkey, directory, RECEIVER_MAX_BODY_BYTES=str(CAP))
    record = msgspec.json.encode(Credential(listener="promo"))
    found.redis.hset(CREDENTIALS, hashlib.sha256(PROMO.encode()).hexdigest(), record.decode())
    found.start_web()
    eventually(lambda: knows_the_store(found))  # a look later than it is ready, if Redis was slow
    try:
        yield found
    finally:
        found.stop()
        valkey.stop()


def good(path: str) -> tuple[bytes, tuple[str, str]]:
    sample = build(SAMPLES[path])
    return sample.body, ("content-type", sample.content_type)


def ask(door: Receiver, message: bytes) -> bytes:
    with connect(door.port) as line:
        line.sendall(message)
        return read_answer(line)


def knows_the_store(door: Receiver) -> bool:
    body, kind = good(CAMARA)
    bearer = ("authorization", f"Bearer {PROMO}")
    return status(ask(door, request(CAMARA + "/promo", body, kind, bearer))) == 204


def kept(door: Receiver) -> list[Refusal]:
    entries: Any = door.redis.xrange(REJECTED)
    return [decode_refusal(fields[b"r"]) for _, fields in entries]


def check_form(path: str, answer: bytes) -> None:
    """The carrier's own form of an error, and nothing else in it."""
    said = json.loads(answer.partition(b"\r\n\r\n")[2])
    camara = path.startswith(CAMARA)
    assert said["status"] == status(answer)
    assert set(said) == ({"status", "code", "message"} if camara else {"status", "title", "detail"})
    wanted = b"application/json" if camara else b"application/problem+json"
    assert header(answer, b"content-type") == wanted
