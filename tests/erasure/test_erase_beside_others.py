"""An erasure beside workers that do nothing, and beside replays of what it looks for."""

from collections.abc import Iterator
from typing import Any

import pytest

from receiver.contract.records import DeadLetter, Notification, Refusal, encode
from receiver.contract.redis_keys import DEAD_LETTERS, REJECTED
from receiver.erasure import log_rewrite, parked, spools, wait
from receiver.operations import dead_letters
from receiver.operations.dead_letter_actions import DeadLetterActions
from receiver.operations.dead_letters import Selection
from tests.support.erasing import HER, HIS, accept, erase, message, work
from tests.support.valkey import Valkey


class Clock:
    """One that stands still but where somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_it_waits_once_for_workers_that_do_nothing(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    client: Any = valkey.client()
    accept(client, *(message(HER, f"{number}") for number in range(650)))
    with monkeypatch.context() as patch:
        patch.setattr(log_rewrite, "rewrite", lambda *_: "none")  # which is waited for, too
        patch.setattr(wait, "time", clock := Clock())
        report = erase(client)
    assert 0.5 <= clock.now < 1
    assert report.left[0].startswith("650 notifications that no worker has processed yet")
    work(client)
    assert erase(client).erased == {"notification": 650, "event": 650}


def test_what_is_replayed_while_it_looks_is_left_and_said(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    client: Any = valkey.client()
    accept(client, message(HIS))
    stored = Notification("att.sms.mo", "default", f"{9:027x}", 1, "", message(HER))
    client.xadd(DEAD_LETTERS, {"d": encode(DeadLetter(1, "why", encode(stored)))})
    work(client)

    def replayed(*_: Any) -> Iterator[Any]:
        """Between the two halves of the run."""
        found = dead_letters.select(client, Selection())
        assert [said for _, said in DeadLetterActions(client).replay(found, frozenset())] == [
            "done"
        ]
        return iter(())

    with monkeypatch.context() as patch:
        patch.setattr(parked, "erase", replayed)
        report = erase(client)
    assert (report.complete, report.erased) == (False, {})
    (left,) = report.left
    assert left.startswith("1 dead letters were replayed meanwhile")
    work(client)
    again = erase(client)
    assert (again.complete, again.erased) == (True, {"notification": 1, "event": 1})
    assert erase(client).complete


def test_a_rejected_request_that_is_replayed_while_it_looks_is_said(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    client: Any = valkey.client()
    accept(client, message(HER, "before"), message(HIS, "before"))
    work(client)
    refused = Refusal("att.sms.mo", "default", "r", 1, 403, "no", [], message(HER))
    kept = client.xadd(REJECTED, {"r": encode(refused)})

    def replayed(*_: Any) -> Iterator[Any]:
        """As `receiver rejected replay` does, between the two halves of the run."""
        accept(client, message(HIS), message(HER))
        client.xdel(REJECTED, kept)
        return iter(())

    with monkeypatch.context() as patch:
        patch.setattr(parked, "erase", replayed)
        report = erase(client)
    assert (report.complete, report.erased) == (False, {"notification": 1, "event": 1})
    (left,) = report.left
    assert left.startswith("1 notifications about this person came in meanwhile")
    work(client)
    again = erase(client)
    assert (again.complete, again.erased) == (True, {"notification": 1, "event": 1})


@pytest.mark.parametrize("dry_run", [True, False])
def test_what_comes_while_the_spools_are_looked_through_is_found_and_not_said_to_be_left(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch, dry_run: bool
) -> None:
    client: Any = valkey.client()
    accept(client, message(HIS))
    stored = Notification("att.sms.mo", "default", f"{9:027x}", 1, "", message(HER, "again"))
    client.xadd(DEAD_LETTERS, {"d": encode(DeadLetter(1, "why", encode(stored)))})
    work(client)

    def drained(*_: Any, **__: Any) -> spools.Answer:
        """As a web process does that drains its spool first, while somebody replays."""
        accept(client, message(HER))
        list(
            DeadLetterActions(client).replay(dead_letters.select(client, Selection()), frozenset())
        )
        work(client)
        return spools.Answer(0, 0, [])

    with monkeypatch.context() as patch:
        patch.setattr(spools, "erase", drained)
        report = erase(client, dry_run=dry_run)
    assert (report.erased, report.left) == ({"notification": 2, "event": 2}, [])
