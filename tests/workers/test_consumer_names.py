"""The names that workers lease, beside what another program has written."""

from tests.support.valkey import Valkey
from workers.processes.consumer_names import Slots
from workers.processes.work import Work

WORK = Work("normalise")


def test_a_name_whose_lease_is_of_another_type_is_passed_over(valkey: Valkey) -> None:
    client = valkey.client()
    slot = Slots(client).lease(WORK)
    client.delete(slot.key)
    client.rpush(slot.key, "theirs")
    slots = Slots(client)
    other = slots.lease(WORK)
    assert other != slot
    assert slots.renew() == set()
    assert client.lrange(slot.key, 0, -1) == [b"theirs"]


def test_a_name_whose_lease_has_become_one_is_lost_and_no_other(valkey: Valkey) -> None:
    client, slots = valkey.client(), Slots(valkey.client())
    slot, other = slots.lease(WORK), slots.lease(WORK)
    client.delete(slot.key)
    client.rpush(slot.key, "theirs")
    assert slots.renew() == {slot}
    assert slots.renew() == set()
    slots.drop(other)
    slots.release()
