"""Pages leave nothing in Redis but what they said: each has a key, which would stay for a month."""

import os
from pathlib import Path

import pytest

from receiver.polling import shelf
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


@pytest.mark.parametrize("written", [True, False])
def test_a_page_whose_removal_a_power_cut_may_take_back_is_remembered_for_longer(
    polled: Polled, monkeypatch: pytest.MonkeyPatch, written: bool
) -> None:
    synced = []

    def sync(directory: Path) -> None:
        synced.append(directory)
        assert not list(directory.glob("*.page"))
        assert min(remembered(polled.redis)) > 24 * HOUR
        if not written:
            raise OSError(5, os.strerror(5))

    monkeypatch.setattr(shelf, "sync_directory", sync, raising=False)
    assert polled.once().outcome == "messages"
    (left,) = remembered(polled.redis)
    assert (left <= HOUR, len(synced)) == (written, 1)
