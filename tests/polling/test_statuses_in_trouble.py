"""What is said of a poll for statuses whose gateway takes none of its requests."""

import pytest

from receiver.polling import overview
from receiver.polling.overview import PollState
from receiver.polling.pages import Pages
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


def test_a_disk_that_takes_no_page_stays_a_trouble_while_nothing_is_due(
    watched: Watched, gateway: Outbox
) -> None:
    pages = watched.directory / "var/pages"
    pages.parent.mkdir()
    pages.write_text("a file")
    watched.ask_for("SMS1")
    watched.poll(lambda: poll_of(watched).failures)
    before = poll_of(watched)
    assert "no page can be kept" in before.trouble
    watched.poll(lambda: poll_of(watched).started > before.started + 1)
    assert (poll_of(watched).trouble, poll_of(watched).succeeded) == (before.trouble, 0)


def test_a_fault_of_ours_stays_while_nothing_is_due(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pages, "fetch", None)
    watched.ask_for("SMS1")
    watched.poll(lambda: "a fault of ours" in poll_of(watched).trouble)
    before = poll_of(watched)
    watched.poll(lambda: poll_of(watched).started > before.started + 1)
    assert (poll_of(watched).trouble, poll_of(watched).succeeded) == (before.trouble, 0)


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
