"""A subscription names a person and cannot be erased, since it would come again: it is told."""

import json
from pathlib import Path
from typing import Any

import pytest

from receiver.contract.records import Delivery, encode
from receiver.contract.redis_keys import SINKS, SUBSCRIPTIONS, WATCHES, retry_items
from receiver.subscriptions import slots
from receiver.subscriptions.slots import Slot
from tests.support.commands import on_a_terminal, run
from tests.support.valkey import Valkey
from workers.forward.delivery_queue import create_group

HER = "+12065550100"
HIS = "+12065550199"


@pytest.fixture
def client(valkey: Valkey) -> Any:
    """A subscription to her device, and one to his."""
    client = valkey.client()
    for number, name in ((HER, "fleet:a"), (HIS, "fleet:b")):
        slot = Slot(
            id=name,
            set="fleet",
            operator="nokia",
            listener="default",
            type="reachability-data",
            device={"phoneNumber": number},
        )
        client.hset(SUBSCRIPTIONS, name, slots.encode(slot))
    return client


def test_erase_is_not_complete_while_a_subscription_names_the_person(
    valkey: Valkey, client: Any, tmp_path: Path
) -> None:
    done = run(tmp_path, "erase", HER, "--yes", "--json", REDIS_URL=valkey.url)
    report = json.loads(done.stdout)
    assert (done.returncode, report["complete"]) == (1, False)
    (said,) = report["left"]
    assert said.startswith("1 subscription (fleet:a) for this person's devices: take")
    assert HER not in done.stdout
    client.hdel(SUBSCRIPTIONS, "fleet:a")
    done = run(tmp_path, "erase", HER, "--yes", "--json", REDIS_URL=valkey.url)
    assert (done.returncode, json.loads(done.stdout)["complete"]) == (0, True)


def test_export_person_prints_it(valkey: Valkey, client: Any, tmp_path: Path) -> None:
    done = run(tmp_path, "export-person", HER, REDIS_URL=valkey.url)
    (found,) = map(json.loads, done.stdout.splitlines())
    assert client.hlen(SUBSCRIPTIONS) == 2
    assert (found["kind"], found["entry"]) == ("subscription", "fleet:a")
    assert found["stored"]["device"] == {"phoneNumber": HER}


def test_on_a_terminal_several_of_a_kind_are_spelled_so(
    valkey: Valkey, client: Any, tmp_path: Path
) -> None:
    create_group(client, "hook", "0")
    waiting = encode(Delivery(entry="1-1", event=f'{{"subject":"{HER}"}}'.encode(), first=1))
    client.hset(retry_items("hook"), mapping={"1-1": waiting, "1-2": waiting})
    client.hset(SINKS, "hook:begun", 0)
    client.hset(WATCHES, mapping={f"outbox SMS{n}": f'["tel:{HER}"]' for n in range(2)})
    said = on_a_terminal(tmp_path, "erase", HER, "--dry-run", REDIS_URL=valkey.url)
    assert "2 deliveries would be erased" in said
    assert "2 watches would be erased" in said
    assert "left: 1 subscription (fleet:a)" in said
