"""What somebody wrote to a subscriber is stored only where the listener asks for it."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from receiver.auth.bearer import Credential
from receiver.contract.records import Refusal, decode_notification, decode_refusal
from receiver.contract.redis_keys import CREDENTIALS, INBOUND, REJECTED
from tests.support.bare import connect, read_answer, request, status
from tests.support.eventually import eventually
from tests.support.running import TOKEN, Receiver
from tests.support.valkey import Valkey

CONFIG = """
[[listener]]
name = "private"
[[listener]]
name = "open"
inbox_text = true
"""
EVENTS = [
    {
        "messageId": "WU1",
        "eventType": "TEXT",
        "event": "ADD",
        "text": "a secret",
        "Subject": "a topic",
    },
    {"eventType": "TEXT", "event": "ADD", "text": "a secret without an id"},
]
SUBSCRIPTION = {"subscriptionId": "s", "notificationEvents": EVENTS}
BODY = {"messageNotifications": {"subscriptionNotifications": [SUBSCRIPTION]}}


WITHOUT_IDS = {"messageNotifications": {"subscriptionNotifications": [
    {"subscriptionId": "s-1", "notificationEvents": [EVENTS[1], EVENTS[1] | {"Subject": "a topic"}]}
]}}  # fmt: skip
LATIN = json.dumps(WITHOUT_IDS, ensure_ascii=False).replace("secret", "s\xe9cret").encode("latin-1")
LARGE = json.dumps([EVENTS] * 4_000).encode()
OTHER = "a-token-of-another-listener"
JSON = ("content-type", "application/json")
REFUSED = {
    "no ids": (400, json.dumps(WITHOUT_IDS).encode(), TOKEN, JSON),
    "latin": (400, LATIN, TOKEN, JSON),
    "cut": (400, json.dumps(BODY).encode()[:-3], TOKEN, JSON),
    "xml": (400, b"<a><subject>a topic</subject><text>a secret</text></a>", TOKEN, JSON),
    "form": (400, b"subject=a topic&body=a secret", TOKEN, JSON),
    "a text": (400, b'"a secret, a topic"', TOKEN, JSON),
    "texts": (400, b'["a secret", "a topic"]', TOKEN, JSON),
    "another listener": (403, json.dumps(BODY).encode(), OTHER, JSON),
    "too large": (413, LARGE, TOKEN, JSON),
    "compressed": (415, json.dumps(BODY).encode(), TOKEN, ("content-encoding", "gzip")),
}
"""What is refused as a whole: its answer, body, token and a header."""


@pytest.mark.parametrize(("listener", "kept"), [("private", 0), ("open", 2)])
def test_texts_are_stored_only_for_a_listener_with_inbox_text(
    valkey: Valkey, tmp_path: Path, listener: str, kept: int
) -> None:
    (tmp_path / "receiver.toml").write_text(CONFIG)
    receiver = Receiver(valkey, tmp_path)
    try:
        receiver.start_web()
        bearer = ("authorization", f"Bearer {TOKEN}")
        with connect(receiver.port) as line:
            line.sendall(request(f"/att/messages/{listener}", json.dumps(BODY).encode(), bearer))
            assert status(read_answer(line)) == 204
        taken: Any = receiver.redis.xrange(INBOUND)
        refused: Any = receiver.redis.xrange(REJECTED)
        bodies = [decode_notification(fields[b"n"]).body for _, fields in taken]
        bodies += [decode_refusal(fields[b"r"]).body for _, fields in refused]
    finally:
        receiver.stop()
    assert len(bodies) == 2
    assert sum(b"a secret" in body for body in bodies) == kept
    assert sum(b"a topic" in body for body in bodies) == kept / 2


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    directory = tmp_path_factory.mktemp("private")
    (directory / "receiver.toml").write_text(CONFIG + '[[listener]]\nname = "other"\n')
    valkey = Valkey()
    receiver = Receiver(valkey, directory)
    record = msgspec.json.encode(Credential(listener="other"))
    receiver.redis.config_set("rdbcompression", "no")  # a text is to be found in a dump
    receiver.redis.hset(CREDENTIALS, hashlib.sha256(OTHER.encode()).hexdigest(), record.decode())
    receiver.start_web()
    yield receiver
    receiver.stop()
    valkey.stop()


def refused(door: Receiver, listener: str, case: str) -> Refusal:
    """What is kept of a request that is refused as a whole."""
    door.redis.delete(REJECTED)
    wanted, body, token, header = REFUSED[case]
    message = request(
        f"/att/messages/{listener}", body, ("authorization", f"Bearer {token}"), header
    )

    def answered() -> bool:  # a stored credential is known a look later than the receiver is ready
        with connect(door.port) as line:
            line.sendall(message)
            return status(read_answer(line)) == wanted

    eventually(answered)
    entries: Any = door.redis.xrange(REJECTED)
    ((_, fields),) = entries
    return decode_refusal(fields[b"r"])


@pytest.mark.parametrize("case", REFUSED)
def test_no_text_of_a_request_that_is_refused_is_stored(door: Receiver, case: str) -> None:
    found = refused(door, "private", case)
    assert found.status == REFUSED[case][0]
    assert found.reason
    for text in (b"secret", b"s\xe9cret", "sécret".encode(), b"a topic"):
        assert text not in found.body
        assert not any(text in value for value in everything(door))


@pytest.mark.parametrize("case", REFUSED)
def test_a_listener_with_inbox_text_has_refused_bodies_as_they_came(
    door: Receiver, case: str
) -> None:
    body = REFUSED[case][1]
    assert refused(door, "open", case).body == (body if len(body) < 5000 else body[:4096])


@pytest.mark.parametrize(
    ("case", "subscription", "message"),
    [("no ids", "s-1", {}), ("latin", "s-1", {}), ("another listener", "s", {"messageId": "WU1"})],
)
def test_what_is_no_text_of_a_request_that_is_refused_is_kept(
    door: Receiver, case: str, subscription: str, message: dict[str, str]
) -> None:
    change = {"eventType": "TEXT", "event": "ADD"}
    one = {"subscriptionId": subscription, "notificationEvents": [message | change, change]}
    assert json.loads(refused(door, "private", case).body) == {
        "messageNotifications": {"subscriptionNotifications": [one]}
    }


def everything(door: Receiver) -> Iterator[bytes]:
    """Every value in Redis."""
    return (door.redis.dump(key) or b"" for key in door.redis.scan_iter())
