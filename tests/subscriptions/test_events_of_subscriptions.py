"""Events of subscriptions that the controller made, at a real web process before a real worker."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.controlling import DEVICES, Controlled, controlled
from tests.support.operators import Simulated, Sink
from tests.support.running import Receiver
from tests.support.valkey import Valkey

CHANGED = "device.reachability.changed.v1"


@pytest.fixture
def fleet(
    valkey: Valkey, operator: Simulated, receiver: Receiver, tmp_path: Path
) -> Iterator[Controlled]:
    """A fleet whose events come to the receiver's own web process."""
    with controlled(valkey, operator, Sink(f"{receiver.url}/"), tmp_path) as found:
        found.configure()
        receiver.start()
        yield found


def changes(receiver: Receiver) -> list[dict[str, Any]]:
    return [each for each in receiver.events() if each["type"] == CHANGED]


@pytest.mark.parametrize("answer", [201, 202])
def test_an_event_that_comes_before_the_operators_answer_is_admitted_and_published_once(
    fleet: Controlled, receiver: Receiver, answer: int
) -> None:
    fleet.operator.control("settings", creation={"event_first": True, "answer": answer})
    fleet.more = "initial_event = true"
    fleet.start()
    fleet.settled()
    assert receiver.settled().published == len(DEVICES)
    assert "401" not in fleet.operator.books()["deliveries"]
    found = changes(receiver)
    assert sorted(each["subject"] for each in found) == list(DEVICES)
    known = {each.id for slot in fleet.slots() for each in slot.attempts}
    assert {each["subscriptionattempt"] for each in found} == known
    assert {(each["subscriptionset"], each["generation"]) for each in found} == {("fleet", 1)}


def test_while_successors_replace_their_predecessors_no_token_is_refused_and_each_event_comes_once(
    fleet: Controlled, receiver: Receiver
) -> None:
    fleet.start()
    fleet.settled()
    happened = rounds = 0
    while rounds < 2 or not receiver.books().duplicate:
        rounds += 1
        before = fleet.ids()
        fleet.renew()
        while before & fleet.ids():
            happened += happens(fleet)
        fleet.unhurt()
    fleet.delivered()
    books = receiver.settled()
    found = Counter((each["subject"], each["time"]) for each in changes(receiver))
    assert set(found.values()) == {1}
    assert len(found) == happened
    assert books.dead == 0
    assert "401" not in fleet.operator.books()["deliveries"]


def happens(fleet: Controlled) -> int:
    """Each device falls back to SMS and comes back to data, which is an event."""
    for phone in DEVICES:
        device = {"phoneNumber": phone}
        fleet.operator.control("devices", device=device, connectivity=["SMS"])
        fleet.operator.control("devices", device=device, connectivity=["DATA", "SMS"])
    return len(DEVICES)
