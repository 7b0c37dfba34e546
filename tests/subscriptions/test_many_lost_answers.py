"""Thousands of lost answers are looked for in a list of thousands: each by its tag, at once."""

import time
from pathlib import Path

from receiver.subscriptions.api import Listing
from receiver.subscriptions.api_versions import RemoteSubscription
from receiver.subscriptions.context import Context
from receiver.subscriptions.unknown_attempts import find_listed
from tests.support.subscribing import attempt, run, slot
from tests.support.valkey import Valkey

MANY = 5000
SINK = "https://hooks.example.com/camara/notifications/default?s="


def test_lost_answers_do_not_each_go_through_the_whole_list(valkey: Valkey, tmp_path: Path) -> None:
    names = [f"rs{number:020x}" for number in range(MANY)]
    shown = tuple(RemoteSubscription(id=name, sink=SINK + name) for name in names)

    async def steps(context: Context) -> None:
        began = time.process_time()
        listing = Listing(0, shown)
        for name in names:
            found = find_listed(context, slot(), attempt(id=name), listing)
            assert found
            assert found.id == name
        assert time.process_time() - began < 5  # of all pairs it would be minutes

    run(valkey, tmp_path, steps)
