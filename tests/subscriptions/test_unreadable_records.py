"""A slot whose record is gone or cannot be read is made anew, whatever else goes on with it."""

from pathlib import Path
from typing import Any

import pytest

from receiver.contract.redis_keys import SUBSCRIPTIONS, subscriptions_due
from receiver.subscriptions.context import Context
from receiver.subscriptions.store import Change
from tests.support.controlling import DEVICES, Controlled
from tests.support.eventually import eventually
from tests.support.subscribing import run, slot
from tests.support.valkey import Valkey


def test_a_slot_is_stored_also_where_a_step_removes_its_bad_record_meanwhile(
    valkey: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def steps(context: Context) -> None:
        store, read = context.store, context.store._read
        client: Any = store.client
        await client.hset(SUBSCRIPTIONS, "fleet:a", b"none")

        async def read_before_a_step(name: str) -> bytes:
            monkeypatch.undo()
            found = await read(name)
            assert await store.update_slot(name, lambda _: Change()) is None
            return found

        monkeypatch.setattr(store, "_read", read_before_a_step)
        await store.add_slots([slot()])
        assert await store.read_slot("fleet:a")

    run(valkey, tmp_path, steps)


@pytest.mark.parametrize("record", [b"none", None])
def test_a_slot_that_loses_its_record_while_the_controller_runs_is_made_anew(
    fleet: Controlled, record: bytes | None
) -> None:
    process = fleet.start()
    fleet.settled()
    client: Any = fleet.redis
    name = fleet.slots()[0].id
    if record:
        client.hset(SUBSCRIPTIONS, name, record)
    else:
        client.hdel(SUBSCRIPTIONS, name)
    client.zadd(subscriptions_due("sim", 0), {name: 0})
    eventually(lambda: client.hget(SUBSCRIPTIONS, name) not in (record, None))
    fleet.settled()
    assert process.poll() is None


@pytest.mark.parametrize("record", [b"none", None])
def test_a_slot_that_loses_its_record_long_before_it_is_due_is_made_anew(
    fleet: Controlled, record: bytes | None
) -> None:
    fleet.start()
    fleet.settled()
    first = fleet.ids()
    client: Any = fleet.redis
    for each in fleet.slots():
        if record:
            client.hset(SUBSCRIPTIONS, each.id, record)
        else:
            client.hdel(SUBSCRIPTIONS, each.id)

    def replaced() -> bool:
        live = fleet.live()
        assert {each["device"]["phoneNumber"] for each in live} == set(DEVICES)
        return not first & {each["id"] for each in live}

    eventually(replaced)
    fleet.settled()
