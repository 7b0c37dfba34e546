"""The page's consumer of the stream: an event that it cannot handle, and those behind it."""

import json
import sys
from pathlib import Path
from typing import Any

from receiver.contract.redis_keys import EVENTS
from tests.support.consuming_page import copied, event, handled
from tests.support.eventually import eventually
from tests.support.valkey import Valkey


def test_an_event_that_ends_the_stream_consumer_every_time_holds_back_no_other(
    valkey: Valkey, tmp_path: Path
) -> None:
    client = valkey.client()
    client.xadd(EVENTS, {"event": json.dumps({"id": "bad", "type": "sms.message.received.v1"})})
    for name in ("one", "two"):
        client.xadd(EVENTS, {"event": json.dumps(event(name))})
    client.xgroup_create(EVENTS, "billing", id="0")
    client.xreadgroup("billing", "dead", {EVENTS: ">"})
    held: Any = client.xpending_range(EVENTS, "billing", "-", "+", 9)
    entries = [one["message_id"] for one in held]
    client.xclaim(EVENTS, "billing", "dead", 0, entries, idle=120_000, justid=True)
    with copied(tmp_path, ["/bin/sh", "-c", "python consumer.py"], REDIS_URL=valkey.url) as process:
        assert process.wait(60) == 1
    with copied(tmp_path, [sys.executable, "consumer.py"], REDIS_URL=valkey.url):
        eventually(lambda: len(client.xpending_range(EVENTS, "billing", "-", "+", 9)) == 1)
    assert handled(tmp_path) == ["one", "two"]
