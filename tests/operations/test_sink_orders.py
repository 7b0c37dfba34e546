"""What an operator orders of a sink is done as a whole, whenever the command is killed."""

from typing import Any

import pytest
import redis

from receiver.contract.redis_keys import sink_state
from receiver.operations import sink_orders
from tests.support.valkey import Valkey


class Killed(redis.Redis):
    """A client whose process does not outlive its first write."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        reply = super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        if str(args[0]).startswith("HSET"):
            raise KeyboardInterrupt
        return reply


def test_a_pause_that_is_killed_has_its_time_with_its_reason(valkey: Valkey) -> None:
    client: Any = valkey.client()
    with pytest.raises(KeyboardInterrupt):
        sink_orders.pause(Killed(connection_pool=client.connection_pool), "copy", "by hand")
    assert client.hget(sink_state("copy"), "stopped") == b"by hand"
    assert client.hexists(sink_state("copy"), "stopped_at")


def test_a_sink_that_is_stopped_keeps_its_reason_and_its_time(valkey: Valkey) -> None:
    client: Any = valkey.client()
    client.hset(sink_state("copy"), mapping={"stopped": "answered 401", "stopped_at": 1})
    assert not sink_orders.pause(client, "copy", "by hand")
    kept = {b"stopped": b"answered 401", b"stopped_at": b"1"}
    assert client.hgetall(sink_state("copy")) == kept
    client.hdel(sink_state("copy"), "stopped")
    assert sink_orders.pause(client, "copy", "by hand")
    assert int(client.hget(sink_state("copy"), "stopped_at")) > 1


def test_a_sink_that_is_started_forgets_that_it_was_down(valkey: Valkey) -> None:
    client: Any = valkey.client()
    down = {"stopped": "answered 410", "opened": 9, "open_until": 2**45, "probing": "1-0"}
    client.hset(sink_state("copy"), mapping=down)
    assert sink_orders.start(client, "copy")
    assert client.exists(sink_state("copy")) == 0
