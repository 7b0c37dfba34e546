"""Dead letters as they are listed, shown and selected: without anything of a person."""

import json
from pathlib import Path

import pytest

from receiver.contract.records import DeadLetter, Notification, encode
from receiver.contract.redis_keys import DEAD_LETTERS
from receiver.operations import dead_letters
from receiver.operations.dead_letters import Selection
from tests.support.commands import on_a_terminal, run
from tests.support.dead_letters import NUMBER, letters, undelivered
from tests.support.running import mo
from tests.support.valkey import Valkey


def test_the_list_shows_no_number_and_no_text_of_a_person(valkey: Valkey, tmp_path: Path) -> None:
    client = valkey.client()
    undelivered(client, "a")
    notification = Notification("att.sms.mo", "promo", "r", 1, "", mo("private", NUMBER))
    client.xadd(DEAD_LETTERS, {"d": encode(DeadLetter(2, "no sender", encode(notification)))})
    answer = run(tmp_path, "dead-letters", "list", REDIS_URL=valkey.url)
    assert answer.returncode == 0
    assert NUMBER[2:] not in answer.stdout
    assert "private" not in answer.stdout
    event, message = map(json.loads, answer.stdout.splitlines())
    assert (event["kind"], event["event"], event["sink"]) == ("event", "a", "billing")
    assert (message["kind"], message["type"], message["reason"]) == (
        "notification",
        "att.sms.mo",
        "no sender",
    )
    table = on_a_terminal(tmp_path, "dead-letters", "list", REDIS_URL=valkey.url)
    assert "no sender" in table
    assert NUMBER[2:] not in table


def test_show_prints_the_body_as_it_came_and_cannot_command_the_terminal(
    valkey: Valkey, tmp_path: Path
) -> None:
    client = valkey.client()
    body = b'{"Message": "\x1b[2J", "x": "\xff"}'
    notification = Notification("att.sms.mo", "promo", "r", 1, "", body)
    client.xadd(DEAD_LETTERS, {"d": encode(DeadLetter(2, "no sender", encode(notification)))})
    shown = on_a_terminal(tmp_path, "dead-letters", "show", "r", REDIS_URL=valkey.url)
    assert "no sender" in shown
    assert "\x1b[2J" not in shown
    assert "\\xff" in shown
    undelivered(client, "a")
    answer = run(tmp_path, "dead-letters", "show", "a", "b", REDIS_URL=valkey.url)
    assert json.loads(json.loads(answer.stdout)["body"])["subject"] == NUMBER
    assert run(tmp_path, "dead-letters", "show", "b", REDIS_URL=valkey.url).returncode == 1


def test_letters_are_selected_by_id_sink_reason_and_age(valkey: Valkey) -> None:
    client = valkey.client()
    for at, reason, sink in (
        (1000, "timed out after 72 hours", "billing"),
        (2000, "answered 422", "billing"),
        (3000, "answered 404", "crm"),
    ):
        letter = DeadLetter(at, reason, b"", sink, b'{"id":"e","type":"t","source":"s"}', 1, "1-0")
        client.xadd(DEAD_LETTERS, {"d": encode(letter)}, id=f"{at}-0")
    assert letters(client) == ["1000-0", "2000-0", "3000-0"]
    assert letters(client, ids=frozenset({"1000-0", "9-9"})) == ["1000-0"]
    both = frozenset({"1000-0", "2000-0"})
    assert letters(client, ids=both, since=1001) == ["2000-0"]
    assert letters(client, ids=both, until=2000) == ["1000-0"]
    assert letters(client, sink="billing") == ["1000-0", "2000-0"]
    assert letters(client, reason="ANSWERED") == ["2000-0", "3000-0"]
    assert letters(client, reason="* 4?4") == ["3000-0"]
    assert letters(client, reason="answered", sink="billing") == ["2000-0"]
    assert letters(client, since=2000) == ["2000-0", "3000-0"]
    assert letters(client, until=2000) == ["1000-0"]
    assert letters(client, since=1500, until=2500) == ["2000-0"]


def test_more_letters_than_one_page_are_all_found(valkey: Valkey) -> None:
    client = valkey.client()
    undelivered(client, *(str(number) for number in range(1234)))
    looked: list[int] = []
    found = dead_letters.select(client, Selection(), looked.append)
    assert len(list(found)) == sum(looked) == 1234


@pytest.mark.parametrize("verb", ["replay", "drop"])
@pytest.mark.parametrize("arguments", [[], ["--all", "1-0"]])
def test_nothing_is_done_to_letters_that_nobody_named(
    verb: str, arguments: list[str], valkey: Valkey, tmp_path: Path
) -> None:
    undelivered(valkey.client(), "a")
    answer = run(tmp_path, "dead-letters", verb, *arguments, REDIS_URL=valkey.url)
    assert answer.returncode == 2
    assert "say which" in answer.stderr
    assert valkey.client().xlen(DEAD_LETTERS) == 1


def test_where_nothing_matches_the_exit_code_says_so(valkey: Valkey, tmp_path: Path) -> None:
    for verb, code in (("list", 0), ("replay", 1), ("drop", 1)):
        answer = run(tmp_path, "dead-letters", verb, "--sink", "none", REDIS_URL=valkey.url)
        assert answer.returncode == code
    answer = run(tmp_path, "dead-letters", "list", REDIS_URL="redis://127.0.0.1:1")
    assert (answer.returncode, answer.stderr.count("\n")) == (2, 1)
