"""How far one event is with a sink of which some are parked."""

from typing import Any

from receiver.contract.redis_keys import EVENTS, forward_group, sink_parking
from receiver.operations.sink_progress import progress
from tests.support.valkey import Valkey


def test_those_are_parked_that_left_and_have_not_come_back(valkey: Valkey) -> None:
    client: Any = valkey.client()
    entries = [client.xadd(EVENTS, {"event": "{}"}).decode() for _ in range(6)]
    client.xgroup_create(EVENTS, forward_group("copy"), entries[4])
    parking = {"total": 5, "returned": 2, "returned_to": entries[1], "to": entries[4], "host": "h"}
    client.hset(sink_parking("copy"), mapping=parking)

    def told(some: list[str]) -> list[str]:
        found = progress(client, dict.fromkeys(some, b"{}"), ())
        return [what for one in some for _, what, _ in found[one]]

    parked = ["is parked"] * 3
    assert told(entries) == [
        *["is settled"] * 2, *parked, "has not been read yet"
    ]  # fmt: skip
    client.hset(sink_parking("copy"), mapping={"returned": 5, "returned_to": entries[4]})
    assert told(entries[:5]) == ["is settled"] * 5
