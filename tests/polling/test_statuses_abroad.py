"""Watched messages to numbers that a gateway writes without a country code."""

from pathlib import Path

import pytest

from tests.support.outboxes import GONE, Watched, outbox, statuses
from tests.support.valkey import Valkey

NATIONAL, HIS = "tel:0612345678", "+33612345678"
LISTENER = '[[listener]]\nname = "promo"\nregion = "FR"\n'


@pytest.mark.parametrize("hours", [0, 73], ids=["gone", "expired"])
def test_what_nobody_can_learn_any_more_is_about_the_same_number_as_the_statuses_before(
    valkey: Valkey, tmp_path: Path, hours: int
) -> None:
    with outbox() as gateway:
        watched = Watched(valkey, gateway, tmp_path, more=LISTENER)
        sent = statuses((NATIONAL, "DeliveredToNetwork"))
        gateway.script["SMS1"] = [sent, sent if hours else GONE]
        watched.ask_for("SMS1")
        watched.poll(lambda: watched.looks() == 1)
        watched.is_older(hours=hours)
        watched.later()
        watched.poll(watched.ended)
    reason = "expired" if hours else "gone"
    assert watched.said() == [(HIS, "sent", False, None), (HIS, "unknown", True, reason)]
