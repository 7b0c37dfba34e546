"""What a person who waits is told at once, and what only a long look finds."""

import json
from pathlib import Path
from typing import Any

import pytest

from receiver.config.settings import Settings
from receiver.contract.records import DeadLetter, Notification, encode
from receiver.contract.redis_keys import DEAD_LETTERS, EVENTS, INBOUND
from receiver.operations import explain as explaining
from receiver.operations import look
from receiver.operations.explain import Unknown, explain, explain_soon
from tests.support.command_line import here
from tests.support.explaining import NUMBER, accept, receipt, told, work
from tests.support.running import mo
from tests.support.valkey import Valkey


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explaining, "SOON_ENOUGH", look.FIRST)


def published(valkey: Valkey, number: int) -> tuple[str, str, str]:
    """The receipt, the entry and the id of an event."""
    name, client = receipt(number), valkey.client()
    accept(client, name, mo(f"private {number}", f"tel:+1{NUMBER}"))
    work(client)
    page: Any = client.xrevrange(EVENTS, count=1)
    event = json.loads(page[0][1][b"event"])["id"]
    return name, page[0][0].decode(), event


def bury(valkey: Valkey, count: int) -> None:
    pipe = valkey.client().pipeline()
    for number in range(count):
        one = Notification("att.sms.mo", "promo", receipt(1000 + number), 0, "", b"{}")
        pipe.xadd(DEAD_LETTERS, {"d": encode(DeadLetter(1, "no sender", encode(one)))})
    pipe.execute()


def give_up(valkey: Valkey, entry: str) -> None:
    page: Any = valkey.client().xrange(EVENTS, entry, entry)
    letter = DeadLetter(1, "answered 503", b"", "billing", page[0][1][b"event"], 1, entry)
    valkey.client().xadd(DEAD_LETTERS, {"d": encode(letter)})


def test_letters_of_long_after_are_looked_at_when_asked_and_said_to_be_there(
    valkey: Valkey, tmp_path: Path
) -> None:
    name, entry, _ = published(valkey, 1)
    bury(valkey, 60)
    give_up(valkey, entry)
    [soon], [whole] = (
        explain_soon(valkey.client(), name, Settings()),
        explain(valkey.client(), name, Settings()),
    )
    assert (soon.outcomes, whole.outcomes) == (["published"], ["published"])
    assert DEAD_LETTERS in soon.reached
    assert ("was given up" in told(soon), "was given up" in told(whole)) == (False, True)
    said = here(tmp_path, "explain", name, terminal=True, REDIS_URL=valkey.url)
    assert "were not looked at" in said.err
    assert f"receiver explain {name} --everything" in said.err
    said = here(tmp_path, "explain", name, "--everything", terminal=True, REDIS_URL=valkey.url)
    assert "was given up" in said.out
    assert "were not looked at" not in said.err


def test_letters_of_soon_after_are_there_without_asking(valkey: Valkey) -> None:
    name, entry, _ = published(valkey, 1)
    give_up(valkey, entry)
    bury(valkey, 60)
    [story] = explain_soon(valkey.client(), name, Settings())
    assert "was given up" in told(story)


def test_whatever_is_stored_is_found_however_far_back_it_is(valkey: Valkey) -> None:
    name, _, event = published(valkey, 1)
    for number in range(2, 50):
        accept(valkey.client(), receipt(number), mo(f"private {number}", f"tel:+1{NUMBER}"))
    work(valkey.client())
    with pytest.raises(Unknown):
        explain(valkey.client(), event, Settings(), 10)
    [story] = explain_soon(valkey.client(), event, Settings())
    assert (story.receipt, story.outcomes) == (name, ["published"])
    repeat = receipt(99)
    accept(valkey.client(), repeat, mo("private 1", f"tel:+1{NUMBER}"))
    work(valkey.client())
    [story] = explain_soon(valkey.client(), repeat, Settings())
    assert (story.outcomes, told(story)[-1]) == (["duplicate"], "repeats")


def test_what_is_stored_nowhere_is_looked_for_everywhere(valkey: Valkey) -> None:
    bury(valkey, 60)
    with pytest.raises(Unknown) as unknown:
        explain_soon(valkey.client(), receipt(5, ago=60_000), Settings())
    assert unknown.value.reached == {}


def test_what_was_given_up_has_its_end_when_the_rest_is_trimmed(valkey: Valkey) -> None:
    _, entry, _ = published(valkey, 1)
    give_up(valkey, entry)
    bury(valkey, 60)
    letter: Any = valkey.client().xrange(DEAD_LETTERS, count=1)
    valkey.client().xtrim(EVENTS, maxlen=0)
    valkey.client().delete(INBOUND)
    [story] = explain_soon(valkey.client(), letter[0][0].decode(), Settings())
    assert "was given up" in told(story)
    assert DEAD_LETTERS in story.reached
