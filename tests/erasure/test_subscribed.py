"""A subscription names a person and cannot be erased, since it would come again: it is told."""

import json
from pathlib import Path
from typing import Any

import pytest

from receiver.contract.redis_keys import SUBSCRIPTIONS
from receiver.subscriptions import slots
from receiver.subscriptions.slots import Slot
from tests.support.commands import run
from tests.support.valkey import Valkey

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
