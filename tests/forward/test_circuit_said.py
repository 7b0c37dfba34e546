"""What the log says of a sink's circuit: how it stands after answers that are settled together."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from receiver.config.settings import HttpSink
from tests.support.forwarding import Forwarding, publish_many
from tests.support.valkey import Valkey
from workers.forward import outcomes
from workers.forward.delivery_queue import FAILURES
from workers.forward.outcomes import Outcome

HOOK = HttpSink(name="hook", url="https://hooks.example.com/")


def settled(forwarding: Forwarding, answers: str) -> list[str]:
    """How the circuit stands, as it is said when these answers (+ taken, - failed) are settled."""
    found: list[Outcome] = []
    for item, answer in zip(forwarding.deliveries.lease(len(answers)), answers, strict=True):
        taken = answer == "+"
        one = item.delivery
        found.append(
            outcomes.delivered(item, "+") if taken else outcomes.retry(item, 3_600_000, one, "-")
        )
    with capture_logs() as said:
        forwarding.deliveries.settle(found)
    lines: list[dict[str, Any]] = [dict(line) for line in said]
    return [line["state"] for line in lines if line["event"] == "sink.circuit"]


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ("-" * FAILURES, ["open"]),
        ("-" * FAILURES + "+", []),
        ("-" * FAILURES + "++", []),
        ("+" + "-" * FAILURES, ["open"]),
    ],
)
def test_it_is_said_how_it_stands_in_the_end(valkey: Valkey, answers: str, said: list[str]) -> None:
    forwarding = Forwarding(valkey, HOOK)
    publish_many(valkey, len(answers))
    assert settled(forwarding, answers) == said
    assert (b"open_until" in forwarding.state()) is (said == ["open"])


def test_it_is_said_that_it_closed_where_more_than_one_was_taken(valkey: Valkey) -> None:
    forwarding = Forwarding(valkey, HOOK)
    publish_many(valkey, FAILURES + 2)
    late = forwarding.deliveries.lease(2)
    assert settled(forwarding, "-" * FAILURES) == ["open"]
    with capture_logs() as said:
        forwarding.deliveries.settle([outcomes.delivered(item, "+") for item in late])
    assert [line["state"] for line in said if line["event"] == "sink.circuit"] == ["closed"]
