"""What somebody wrote to a subscriber is stored only where the listener asks for it."""

import json
from pathlib import Path
from typing import Any

import pytest

from receiver.contract.records import decode_notification, decode_refusal
from receiver.contract.redis_keys import INBOUND, REJECTED
from tests.support.bare import connect, read_answer, request, status
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
    {"messageId": "WU1", "eventType": "TEXT", "event": "ADD", "text": "a secret", "Subject": "s3"},
    {"eventType": "TEXT", "event": "ADD", "text": "a secret without an id"},
]
SUBSCRIPTION = {"subscriptionId": "s", "notificationEvents": EVENTS}
BODY = {"messageNotifications": {"subscriptionNotifications": [SUBSCRIPTION]}}


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
    assert sum(b"s3" in body for body in bodies) == kept / 2
