"""Parked events beside the stream: its history, groups somebody moves, what a dead worker holds."""

import pytest

from receiver.contract.redis_keys import EVENTS, forward_group
from tests.parking.conftest import Made
from tests.support.forwarding import Forwarding, publish_many
from tests.support.parking import copied, copy_sink
from tests.support.valkey import Valkey
from workers.maintenance.sweep import History, Sweep


def test_a_group_of_the_company_s_own_may_have_any_name(valkey: Valkey, parking: Made) -> None:
    sink = copy_sink()
    forwarding = Forwarding(valkey, sink)
    forwarding.client.xgroup_create(EVENTS, "caf\xe9".encode("latin-1"))
    parked = parking(sink)
    publish_many(valkey, 1_700)
    parked.run()
    assert parked.parked() == 1_600


def test_history_is_trimmed_past_what_is_parked(valkey: Valkey, parking: Made) -> None:
    sink = copy_sink()
    Forwarding(valkey, sink)
    parked = parking(sink)
    publish_many(valkey, 600)
    keep = History("events", EVENTS, entries=0, held_by=(forward_group("copy"),))
    Sweep(parked.client, (keep,)).trim()
    assert parked.client.xlen(EVENTS) == 600
    parked.parker._parkings["copy"].relieve(parked.use("copy"), 500)
    Sweep(parked.client, (keep,)).trim()
    assert parked.client.xlen(EVENTS) == 100


@pytest.mark.parametrize("moved", ["destroyed", "set to 0", "set to the end"])
def test_a_group_that_somebody_moves_gets_nothing_of_it_again(
    valkey: Valkey, parking: Made, moved: str
) -> None:
    sink = copy_sink()
    forwarding = Forwarding(valkey, sink)
    client = forwarding.client
    parked = parking(sink)
    ids = publish_many(valkey, 300)
    parked.parker._parkings["copy"].relieve(parked.use("copy"), 200)
    if moved == "destroyed":
        client.xgroup_destroy(EVENTS, forward_group("copy"))
    else:
        client.xgroup_setid(EVENTS, forward_group("copy"), "0" if moved == "set to 0" else "$")
    forwarding.run()
    for _ in range(5):
        parked.run(2)
        forwarding.run()
    assert copied(client) == ids
    assert parked.books().open == 0


def test_entries_that_a_dead_worker_holds_do_not_hold_the_stream(
    valkey: Valkey, parking: Made
) -> None:
    forwarding = Forwarding(valkey, copy_sink())
    client = forwarding.client
    parked = parking(copy_sink())
    client.set("company:events", "not a stream: nothing is delivered")
    ids = publish_many(valkey, 1_200)
    held = client.xreadgroup(forward_group("copy"), "dead", {EVENTS: ">"}, count=300)[0][1]
    parked.run()
    assert forwarding.pending() == 300
    names = [entry for entry, _ in held]
    client.xclaim(EVENTS, forward_group("copy"), "dead", 0, names, idle=60_000)
    publish_many(valkey, 100, first=1_200)
    parked.run()
    forwarding.run()
    assert (forwarding.pending(), forwarding.deliveries.blocked != "") == (0, True)
    client.delete("company:events")
    for _ in range(15):
        parked.run()
        forwarding.run()
    assert sorted(copied(client)) == ids + [f"{n:032x}" for n in range(1_200, 1_300)]
    assert parked.books().open == 0
