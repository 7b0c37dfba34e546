"""What happened between the samples of the last hours, and where nobody knows."""

import pytest
import redis

from receiver.contract.records import Sample, encode
from receiver.contract.redis_keys import HISTORY
from receiver.operations import history
from receiver.operations.history import MINUTE, Span, percentile, spans
from tests.support.valkey import Valkey

EMPTY = Sample(0, 0, 0, 0, 0, 0, [0, 0])


def sample(accepted: int, failed: int = 0, waiting: int = 0, times: int = 0) -> Sample:
    return Sample(accepted, failed, failed, failed, waiting, waiting, [times, 0])


def test_a_span_has_what_happened_a_minute_and_the_most_that_waited() -> None:
    found = spans(
        [
            (0, sample(10)),
            (1 * MINUTE, sample(20, waiting=5)),
            (2 * MINUTE, sample(40, failed=2, waiting=1, times=8)),
            (3 * MINUTE, sample(70, failed=2, times=9)),
            (4 * MINUTE, sample(70, failed=2, times=9)),
        ],
        MINUTE,
        2 * MINUTE,
        2,
    )
    assert found == [
        Span(MINUTE, accepted=15.0, failed=3.0, waiting=10, published=[8, 0]),
        Span(3 * MINUTE, accepted=15.0, failed=0.0, waiting=0, published=[1, 0]),
    ]


def test_over_a_gap_nobody_knows_when_it_happened() -> None:
    samples = [(0, sample(0)), (1 * MINUTE, sample(5)), (9 * MINUTE, sample(905))]
    found = spans(samples, 0, MINUTE, 11)
    assert [one.accepted for one in found] == [None, 5.0, *[None] * 9]
    assert [one.waiting for one in found] == [0, 0, *[None] * 7, 0, None]


@pytest.mark.parametrize("then", [sample(3), Sample(9, 0, 0, 0, 0, 0, [0]), sample(9, failed=-1)])
def test_counts_that_went_back_or_are_of_another_version_say_nothing(then: Sample) -> None:
    (found,) = spans([(0, sample(5)), (MINUTE, then)], MINUTE, MINUTE, 1)
    assert found == Span(MINUTE, waiting=0)


def test_a_percentile_lies_within_its_bucket() -> None:
    bounds = (1.0, 2.0, 4.0)
    assert percentile([0, 0, 0, 0], bounds, 0.95) is None
    assert percentile([100, 0, 0, 0], bounds, 0.5) == 0.5
    assert percentile([90, 0, 10, 0], bounds, 0.95) == 3.0
    assert percentile([0, 0, 0, 7], bounds, 0.5) == 4.0


def test_what_somebody_else_wrote_among_the_samples_is_passed_over(valkey: Valkey) -> None:
    client: redis.Redis = valkey.client()
    assert history.read(client, 0) == []
    client.xadd(HISTORY, {"s": "?"}, id="1-0")
    client.xadd(HISTORY, {"x": "?"}, id="2-0")
    client.xadd(HISTORY, {"s": encode(EMPTY)}, id="3-0")
    client.xadd(HISTORY, {"s": encode(sample(7))}, id="4-0")
    assert history.read(client, 0) == [(3, EMPTY), (4, sample(7))]
    assert history.read(client, 4) == [(4, sample(7))]
    client.delete(HISTORY)
    client.set(HISTORY, "not a stream")
    assert history.read(client, 0) == []
