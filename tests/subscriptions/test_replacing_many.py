"""A whole fleet is renewed where an operator takes no second subscription to the same."""

from tests.support.controlling import Controlled
from tests.support.eventually import eventually

MANY = 150
FLEET = tuple(f"+1206555{number:04}" for number in range(MANY))


def test_each_successor_comes_at_once_and_not_after_the_deletion_of_the_whole_fleet(
    fleet: Controlled,
) -> None:
    fleet.of_operator, fleet.rate = 'renewal = "replace"', 100.0
    fleet.wants(*FLEET)
    fleet.start()
    fleet.settled(*FLEET)
    first, begin = fleet.ids(), len(fleet.operator.sent)
    fleet.renew()
    eventually(lambda: not first & fleet.ids(), within=60)
    fleet.settled(*FLEET)
    without = most = 0
    for each in fleet.operator.sent[begin:]:
        without += {"DELETE": 1, "POST": -1}.get(each.method, 0)
        most = max(most, without)
    assert most < MANY / 4
