"""Pages leave nothing in Redis but what they said: each has a key, which would stay for a month."""

from tests.polling.test_pages_left import leave
from tests.support.outboxes import DELIVERED, A, Watched, statuses
from tests.support.polling import Polled, remembered

HOUR = 3600


def test_an_inbox(polled: Polled) -> None:
    assert polled.once().outcome == "messages"
    (left,) = remembered(polled.redis)
    assert 0 < left <= HOUR


def test_pages_that_were_left_on_the_disk(polled: Polled) -> None:
    for number in range(3):
        leave(polled, "promo", number)
    polled.once()
    assert len(remembered(polled.redis)) == 4
    assert max(remembered(polled.redis)) <= HOUR


def test_statuses_and_the_end_of_a_watch(watched: Watched) -> None:
    watched.gateway.script["SMS1"] = [statuses((A, DELIVERED))]
    watched.ask_for("SMS1")
    watched.ask_for("SMS2")  # which the gateway does not know
    watched.poll(lambda: watched.counts().get("final") and watched.counts().get("gone"))
    found = remembered(watched.redis)
    assert (len(found), max(found) <= HOUR) == (2, True)
