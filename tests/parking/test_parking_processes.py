"""The parker as `receiver worker` runs it, beside the worker of a sink that takes nothing."""

from pathlib import Path

import msgspec

from receiver.contract.redis_keys import EVENTS
from receiver.operations import sink_ledger
from receiver.operations.sink_ledger import SinkLedger
from tests.support.eventually import eventually
from tests.support.forwarding import event
from tests.support.parking import copied
from tests.support.running import Receiver
from workers.forward.delivery_queue import create_group

TOML = '[[sink]]\nname = "copy"\nkind = "redis-stream"\nstream = "company:events"\nshare = 0.05\n'


def books(receiver: Receiver) -> SinkLedger:
    (found,) = sink_ledger.read(receiver.redis)
    return found


def test_a_worker_parks_what_a_dead_sink_does_not_take_and_brings_all_of_it_back(
    receiver: Receiver, tmp_path: Path
) -> None:
    (tmp_path / "receiver.toml").write_text(TOML)
    receiver.also(RECEIVER_PARK_DIR=str(tmp_path / "disk"))
    client = receiver.redis
    client.set("company:events", "in the way")
    create_group(client, "copy")
    events = [event(number) for number in range(3_000)]
    pipe = client.pipeline()
    for one in events:
        pipe.xadd(EVENTS, {"event": msgspec.json.encode(one)})
    pipe.execute()
    receiver.start_worker()
    eventually(lambda: books(receiver).parked > 500)
    client.delete("company:events")
    eventually(lambda: client.xlen("company:events") == 3_000)
    assert copied(client) == [one["id"] for one in events]
    eventually(lambda: books(receiver).open == 0)
    assert (books(receiver).balanced, books(receiver).delivered) == (True, 3_000)
    assert list((tmp_path / "disk").rglob("*.segment")) == []
