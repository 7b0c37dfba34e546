"""What Redis remembers so that nothing polled is appended twice goes once nobody can append it."""

import os
from pathlib import Path
from typing import Any

import pytest
import redis

from receiver.intake.inbound_writer import Inbound
from receiver.polling import shelf
from tests.support.outboxes import DELIVERED, GONE, SENT, A, Watched, statuses
from tests.support.polling import Polled, remembered

HOUR = 3600


def test_a_page_is_remembered_for_an_hour_once_its_file_is_gone(polled: Polled) -> None:
    polled.once()
    assert polled.texts() == ["hello"]
    (left,) = remembered(polled.redis)
    assert 0 < left <= HOUR


def test_so_is_one_that_was_left_on_the_disk_and_while_it_lies_there_for_longer(
    polled: Polled, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = Inbound.append

    async def dying(self: Any, *batches: Any) -> None:
        await append(self, *batches)
        if any(batch.accepted for batch in batches):
            raise redis.ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(Inbound, "append", dying)
        with pytest.raises(redis.ConnectionError):
            polled.once()
    assert len(polled.pages()) == 1
    assert remembered(polled.redis)[0] > 24 * HOUR
    polled.until(lambda: not polled.pages())
    assert polled.texts() == ["hello"]
    assert max(remembered(polled.redis)) <= HOUR


def test_so_are_statuses_and_the_end_of_a_watch(watched: Watched) -> None:
    watched.gateway.script["SMS1"] = [statuses((A, SENT)), statuses((A, DELIVERED))]
    watched.gateway.script["SMS2"] = [GONE]
    watched.ask_for("SMS1", "SMS2", "0x1fL")
    watched.poll(lambda: watched.looks() and watched.counts().get("gone"))
    watched.later()
    watched.poll(watched.ended)
    left = remembered(watched.redis)
    assert len(left) == 4
    assert max(left) <= HOUR


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
