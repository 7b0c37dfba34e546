"""What is said of a poll for statuses whose gateway takes none of its requests."""

from typing import Any

import pytest

from receiver.contract.redis_keys import poll_state
from receiver.polling import overview
from receiver.polling.overview import PollState
from tests.support.outboxes import DELIVERED, A, Outbox, Reply, Watched, error, statuses


def poll_of(watched: Watched) -> PollState:
    (found,) = overview.states(watched.redis, ["promo"])
    return found


@pytest.mark.parametrize(
    "reply", [error(503, "SVC0001"), Reply(404, b"<html>"), error(403, "POL0002")]
)
def test_looks_at_what_is_due_later_do_not_say_that_the_gateway_is_well(
    watched: Watched, gateway: Outbox, reply: Reply
) -> None:
    gateway.script["SMS1"] = [reply]
    watched.ask_for("SMS1")
    watched.poll(lambda: poll_of(watched).failures)
    before = poll_of(watched)
    watched.poll(lambda: poll_of(watched).started > before.started + 1)
    after = poll_of(watched)
    assert (after.outcome, after.trouble) == (before.outcome, before.trouble)
    assert "answered" in after.trouble
    assert after.succeeded == before.succeeded
    watched.later()
    watched.poll(lambda: poll_of(watched).failures == 2)
    gateway.script["SMS1"] = [statuses((A, DELIVERED))]
    watched.later()
    watched.poll(watched.ended)
    assert (poll_of(watched).trouble, poll_of(watched).failures) == ("", 0)


def test_a_stop_before_a_request_has_left_is_no_trouble_of_the_next_process(
    watched: Watched,
) -> None:
    said: Any = {"outcome": "skipped", "trouble": "this process is to end", "failures": 1}
    watched.redis.hset(poll_state("promo"), mapping=said)
    watched.ask_for("SMS1", ago=1)
    watched.poll(lambda: not poll_of(watched).trouble, within=12)
    assert poll_of(watched).succeeded


def test_a_trouble_ends_with_the_last_message_that_was_asked_for(
    watched: Watched, gateway: Outbox
) -> None:
    gateway.script["SMS1"] = [error(503, "SVC0001")]
    watched.ask_for("SMS1")
    watched.poll(lambda: poll_of(watched).failures)
    watched.is_older(hours=74.1)
    watched.later()
    watched.poll(lambda: watched.ended() and not poll_of(watched).trouble)
    assert poll_of(watched).succeeded
