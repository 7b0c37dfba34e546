"""What names a person and cannot be erased, since it would come again, is told and printed."""

import json
from pathlib import Path
from typing import Any

import msgspec

from receiver.contract.redis_keys import SUBSCRIPTIONS, WATCHES
from receiver.polling.watch import Watch
from receiver.subscriptions import slots
from receiver.subscriptions.slots import Slot
from tests.support.commands import run
from tests.support.valkey import Valkey

HER = "+12065550100"
HIS = "+12065550199"


def subscribe(client: Any, name: str, number: str) -> None:
    slot = Slot(
        id=name,
        set="fleet",
        operator="nokia",
        listener="default",
        type="reachability-data",
        device={"phoneNumber": number},
    )
    client.hset(SUBSCRIPTIONS, name, slots.encode(slot))


def watch(client: Any, name: str, number: str) -> None:
    known = {f"tel:{number}": ("DeliveredToNetwork", False)}
    one = Watch(poll="outbox", id=name, receipt="1" * 27, since=1, known=known)
    client.hset(WATCHES, one.field, msgspec.json.encode(one))


def store(valkey: Valkey) -> None:
    client = valkey.client()
    for number, name in ((HER, "a"), (HIS, "b")):
        subscribe(client, f"fleet:{name}", number)
        watch(client, f"SMS{name}", number)


def test_erase_is_not_complete_while_a_subscription_or_a_watch_names_the_person(
    valkey: Valkey, tmp_path: Path
) -> None:
    store(valkey)
    done = run(tmp_path, "erase", HER, "--yes", "--json", REDIS_URL=valkey.url)
    report = json.loads(done.stdout)
    assert (done.returncode, report["complete"]) == (1, False)
    subscribed, watched = report["left"]
    assert subscribed.startswith("1 subscription (fleet:a) for this person's devices: take")
    assert watched.startswith("1 watched message (SMSa) to this person: run this again")
    assert HER not in done.stdout
    client = valkey.client()
    client.hdel(SUBSCRIPTIONS, "fleet:a")
    client.hdel(WATCHES, "outbox SMSa")
    done = run(tmp_path, "erase", HER, "--yes", "--json", REDIS_URL=valkey.url)
    assert (done.returncode, json.loads(done.stdout)["complete"]) == (0, True)


def test_export_person_prints_them(valkey: Valkey, tmp_path: Path) -> None:
    store(valkey)
    done = run(tmp_path, "export-person", HER, REDIS_URL=valkey.url)
    found = {one["kind"]: one for one in map(json.loads, done.stdout.splitlines())}
    assert sorted(found) == ["subscription", "watch"]
    assert found["subscription"]["stored"]["device"] == {"phoneNumber": HER}
    assert found["watch"]["stored"]["known"] == {f"tel:{HER}": ["DeliveredToNetwork", False]}
