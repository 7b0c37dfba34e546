"""What is found of a notification, by its receipt or its entry, and said when nothing is."""

import json
from pathlib import Path

import pytest

from receiver.config.settings import Settings
from receiver.contract.records import DeadLetter, Notification, Refusal, encode
from receiver.contract.redis_keys import DEAD_LETTERS, REJECTED
from receiver.operations.explain import Unknown, explain
from receiver.operations.look import EVERYTHING, PAGE
from tests.support.command_line import here
from tests.support.commands import run
from tests.support.explaining import NUMBER, accept, receipt, told, work
from tests.support.running import mo
from tests.support.valkey import Valkey


def test_one_of_many_is_found_also_when_it_lay_on_the_spool_for_an_hour(valkey: Valkey) -> None:
    client = valkey.client()
    name = receipt(7, ago=3_600_000)
    for number in range(2 * PAGE):
        accept(client, receipt(number), mo())
    accept(client, name, mo())
    accept(client, receipt(9), mo())
    work(client)
    [story] = explain(client, name, Settings())
    assert told(story) == ["received", "kept", "published"]


def test_all_notifications_of_one_request_are_told(valkey: Valkey) -> None:
    client = valkey.client()
    name = receipt(1)
    for _ in range(3):
        accept(client, name, mo())
    work(client)
    [story] = explain(client, name, Settings())
    assert told(story) == ["received", "kept", "kept", "kept", *["published"] * 3]


def test_entries_of_two_streams_with_one_id_are_told_apart(valkey: Valkey, tmp_path: Path) -> None:
    client = valkey.client()
    one, other = receipt(1), receipt(2)
    entry = accept(client, one, mo())
    refusal = Refusal("att.sms.mo", "promo", other, 1, 400, "Message is missing", [], b"{}")
    client.xadd(REJECTED, {"r": encode(refusal)}, id=entry)
    said = here(tmp_path, "explain", entry, terminal=True, REDIS_URL=valkey.url).out
    assert f"{one}: open (receiver:inbound)\n" in said
    assert f"{other}: rejected (receiver:rejected)\n" in said
    told = run(tmp_path, "explain", entry, REDIS_URL=valkey.url).stdout
    stories = {story["receipt"]: story for story in map(json.loads, told.splitlines())}
    assert stories[one]["streams"] == ["receiver:inbound"]
    [refused] = [line for line in stories[other]["story"] if line["what"] == "rejected"]
    assert (refused["entry"], refused["stream"]) == (entry, "receiver:rejected")
    assert refused["reason"] == "Message is missing"


@pytest.mark.parametrize(
    "name", ["nonsense", "1-0", "0" * 32, pytest.param(receipt(1), id="a receipt"), "*", ""]
)
def test_what_is_not_stored_is_said(name: str, valkey: Valkey, tmp_path: Path) -> None:
    with pytest.raises(Unknown):
        explain(valkey.client(), name, Settings())
    answer = run(tmp_path, "explain", name, REDIS_URL=valkey.url)
    assert (answer.returncode, answer.stdout, answer.stderr.count("\n")) == (1, "", 1)


def test_the_whole_body_is_found_by_its_receipt(valkey: Valkey, tmp_path: Path) -> None:
    infos = [{"address": f"tel:+1{NUMBER}", "deliveryStatus": "DeliveredToTerminal"}] * 2
    body = json.dumps({"deliveryInfoNotification": {"messageId": "m", "deliveryInfo": infos}})
    accept(valkey.client(), name := receipt(1), body.encode())
    found = run(tmp_path, "explain", "--body", name, REDIS_URL=valkey.url)
    assert (found.stdout, found.returncode) == (f"{body}\n", 0)
    none = run(tmp_path, "explain", "--body", receipt(2), REDIS_URL=valkey.url)
    assert (none.stdout, none.returncode) == ("", 1)
    assert "no body is stored under the receipt" in none.stderr


def test_of_a_batch_that_came_over_lines_each_notification_is_a_line(
    valkey: Valkey, tmp_path: Path
) -> None:
    name = receipt(1)
    for number in (1, 2):
        accept(valkey.client(), name, json.dumps({"id": f"{number}\n"}, indent=2).encode())
    found = run(tmp_path, "explain", "--body", name, REDIS_URL=valkey.url)
    lines = [json.loads(line) for line in found.stdout.splitlines()]
    assert lines == [{"id": "1\n"}, {"id": "2\n"}]


@pytest.mark.parametrize("seconds", [3, 600, 20 * 3600])
def test_what_a_web_process_whose_clock_was_ahead_has_taken_is_found(
    valkey: Valkey, tmp_path: Path, seconds: int
) -> None:
    client = valkey.client()
    accept(client, receipt(7, ago=-1000 * seconds), mo("another"))
    name = receipt(1, ago=-1000 * seconds)
    entry = accept(client, name, mo("mine"))
    work(client)
    for one in (name, entry):
        for budget in (EVERYTHING, 5_000):
            [story] = explain(client, one, Settings(), budget)
            assert (story.receipt, story.outcomes) == (name, ["published"])
            assert sorted(told(story)) == ["kept", "published", "received"]
    said = here(tmp_path, "explain", name, "--body", REDIS_URL=valkey.url)
    assert (said.code, "mine" in said.out) == (0, True)


@pytest.mark.parametrize("ahead", [0, 600], ids=["right", "ahead"])
def test_a_dead_letter_of_what_is_trimmed_is_found_soon_among_those_of_its_day(
    valkey: Valkey, ahead: int
) -> None:
    client, now = valkey.client(), int(receipt(0)[:11], 16)
    mine, others = receipt(1, ago=-1000 * ahead), [receipt(number) for number in range(2, 42)]
    for minutes, name in enumerate([*others, mine]):
        kept = encode(Notification("att.sms.mo", "promo", name, now, "application/json", mo()))
        letter = encode(DeadLetter(now, "Message is missing", kept))
        client.xadd(DEAD_LETTERS, {"d": letter}, id=f"{now - (40 - minutes) * 1_800_000}-1")
    [story] = explain(client, mine, Settings(), 5_000)
    assert (story.outcomes, story.reached) == (["dead letter"], {})
