"""What a worker makes of an answer before Redis is told: what the circuit hears, when it ends."""

import pytest

from receiver.config.settings import HttpSink
from receiver.contract.records import Delivery, decode_delivery
from workers.forward import backoff
from workers.forward.decide import Decider
from workers.sinks.sink import Answer, Item

NOW = 1_800_000_000_000
HOUR = 3_600_000
SINK = HttpSink(name="hook", url="https://hooks.example.com/", give_up_hours=2)


def item(first: int, attempts: int) -> Item:
    return Item(Delivery("1-0", b'{"id":"one"}', first, attempts=attempts), retry=attempts > 0)


@pytest.fixture
def decider() -> Decider:
    return Decider(SINK, lambda: NOW, lambda: NOW)


@pytest.mark.parametrize(
    ("tried", "said"),
    [
        ([(0, 0), (0, 0)], "-"),
        ([(NOW - 9, 1), (0, 0)], "-"),
        ([(0, 0), (NOW - 9, 1)], "-"),
        ([(NOW - 9, 1), (NOW - 5, 3)], f"-{NOW - 5}"),
        ([(NOW - 5, 3), (NOW - 9, 1)], f"-{NOW - 5}"),
    ],
)
def test_a_batch_fails_as_what_was_first_tried_last_in_it(
    decider: Decider, tried: list[tuple[int, int]], said: str
) -> None:
    found = decider.answered([item(*one) for one in tried], Answer("failed", "answered 500"))
    assert [one.circuit for one in found] == [said, ""]


@pytest.mark.parametrize("what", ["failed", "refused"])
@pytest.mark.parametrize(
    ("ago", "due"), [(0, HOUR), (HOUR, HOUR), (HOUR + 1, HOUR - 1), (2 * HOUR - 1, 1)]
)
def test_a_last_attempt_is_made_when_the_time_is_over_and_not_after_it(
    decider: Decider, monkeypatch: pytest.MonkeyPatch, what: str, ago: int, due: int
) -> None:
    monkeypatch.setattr(backoff, "wait", lambda _attempts: 3600.0)
    answer = Answer("failed" if what == "failed" else "refused", "answered")
    (one,) = decider.answered([item(NOW - ago, 1)], answer)
    assert (one.action, one.details[0]) == ("retry" if what == "failed" else "refused", due)


@pytest.mark.parametrize("ago", [2 * HOUR, 2 * HOUR + 1])
def test_once_the_time_is_over_the_last_attempt_leaves_a_dead_letter(
    decider: Decider, ago: int
) -> None:
    (one,) = decider.answered([item(NOW - ago, 1)], Answer("failed", "answered 500"))
    assert one.action == "dead"


@pytest.mark.parametrize("what", ["refused", "gone"])
def test_what_is_to_be_sent_again_keeps_the_time_at_which_it_was_first_tried(
    decider: Decider, what: str
) -> None:
    answer = Answer("refused" if what == "refused" else "gone", "answered")
    found = decider.answered([item(NOW - 9, 1), item(0, 0)], answer)
    found = [one for one in found if one.action == "again"]
    assert [decode_delivery(one.details[1]).first for one in found] == [NOW - 9, NOW]
    back = decider.given_back(item(NOW - 9, 1))
    assert decode_delivery(back.details[1]).first == NOW - 9
