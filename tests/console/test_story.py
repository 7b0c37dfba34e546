"""One notification's story, and what of a person it shows to whom."""

import html
import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from receiver.carriers import BY_NAME
from receiver.carriers.carrier import Request as Asked
from receiver.console import audit
from receiver.console.pages import story
from receiver.contract.records import DeadLetter, Notification, Refusal, encode
from receiver.contract.redis_keys import DEAD_LETTERS, EVENTS, INBOUND, REJECTED
from receiver.operations import look
from tests.console.conftest import OURS
from tests.console.test_live import NUMBER, accept, receipt, work
from tests.support import explaining
from tests.support.running import mo
from tests.support.valkey import Valkey


def test_a_story_is_told_from_receipt_to_event_without_a_person(
    viewer: TestClient, valkey: Valkey
) -> None:
    accept(valkey, 1)
    work(valkey)
    page = viewer.get(f"/n/{receipt(1)}").text
    for words in ("received", "kept", "published", "As it came", "SenderAddress", "identitybasis"):
        assert words in page
    assert NUMBER not in page
    assert "private" not in page
    assert "Reveal" not in page


def test_any_id_of_it_leads_there(operator: TestClient, valkey: Valkey) -> None:
    accept(valkey, 1)
    work(valkey)
    stream: Any = valkey.client().xrange(EVENTS)
    entry = stream[0][0].decode()
    assert operator.get(f"/n/{entry}").headers["location"] == f"/n/{receipt(1)}"


def test_what_is_revealed_is_on_the_audit_trail_first(operator: TestClient, valkey: Valkey) -> None:
    accept(valkey, 1)
    work(valkey)
    assert NUMBER not in operator.get(f"/n/{receipt(1)}").text
    page = operator.post(f"/n/{receipt(1)}/reveal", headers=OURS).text
    assert NUMBER in page
    assert "private words 1" in page
    ((_, entry),) = audit.newest(valkey.client())
    assert (entry.who, entry.action, entry.about) == ("ada", "reveal", receipt(1))


def test_nothing_is_revealed_where_the_audit_trail_cannot_be_written(
    operator: TestClient, valkey: Valkey
) -> None:
    accept(valkey, 1)
    valkey.client().set("receiver:console:audit", "not a stream")
    answer = operator.post(f"/n/{receipt(1)}/reveal", headers=OURS)
    assert answer.status_code == 503
    assert NUMBER not in answer.text


def test_a_page_says_how_far_it_looked_and_goes_on_when_asked(
    operator: TestClient, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2, 3, 4):
        accept(valkey, number)
    work(valkey)
    monkeypatch.setattr(look, "PAGE", 1)
    monkeypatch.setattr(story, "EVENT_BUDGET", 2)
    stream: Any = valkey.client().xrange(EVENTS)
    event = json.loads(stream[0][1][b"event"])["id"]
    answer = operator.get(f"/n/{event}")
    assert answer.status_code == 404
    assert "and holds more" in answer.text
    address = f"/n/{event}?look=everything"
    assert address in answer.text
    assert operator.get(address).headers["location"] == f"/n/{receipt(1)}"


@pytest.mark.parametrize(
    "name",
    [
        "0" * 27,
        "f" * 32,
        "1-1",
        f"1-{2**64}",
        "\N{ARABIC-INDIC DIGIT ONE}-1",
        "<b>x</b>",
        "..%2f..",
        "x" * 300,
    ],
)
def test_an_unknown_id_says_what_is_kept(operator: TestClient, name: str) -> None:
    answer = operator.get(f"/n/{name}")
    assert answer.status_code == 404
    assert "<b>x</b>" not in answer.text


def test_kept_headers_are_shown_and_masked_unless_they_say_nothing_of_a_person(
    operator: TestClient, valkey: Valkey
) -> None:
    headers = (("user-agent", "<b>gateway</b>"), ("x-msisdn", f"+1{NUMBER}"))
    body = mo("private words 1", f"tel:+1{NUMBER}")
    kind = "application/json"
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    one = Notification("att.sms.mo", "promo", receipt(1), 1, kind, body, trace, headers=headers)
    valkey.client().xadd(INBOUND, {"n": encode(one)})
    page = operator.get(f"/n/{receipt(1)}").text
    assert "&lt;b&gt;gateway&lt;/b&gt;" in page
    assert "x-msisdn" in page
    assert "trace <code>4bf92f3577b34da6a3ce929d0e0e4736</code>" in page
    assert NUMBER not in page
    assert f"+1{NUMBER}</dd>" in operator.post(f"/n/{receipt(1)}/reveal", headers=OURS).text


SAID = f'{{"SenderAddress": "tel:+1{NUMBER}", "Message": "é"}}'
CONTROLS = "\x1b[201~\x03\x9b\x7f"
"""What a shell would take for keys where its terminal lets a paste say them."""


@pytest.mark.parametrize(
    "body", [SAID.encode("utf-16"), SAID.encode("latin-1"), f"{SAID} {CONTROLS}".encode()]
)
def test_a_body_that_no_argument_should_hold_is_shown_as_text_and_sent_again_as_it_came(
    operator: TestClient, valkey: Valkey, tmp_path: Path, body: bytes
) -> None:
    one = Notification("att.sms.mo", "promo", receipt(1), 1, "", body)
    valkey.client().xadd(INBOUND, {"n": encode(one)})
    assert "•••" in operator.get(f"/n/{receipt(1)}").text
    page = html.unescape(operator.post(f"/n/{receipt(1)}/reveal", headers=OURS).text)
    assert '"Message": "é"' in page
    assert not set(page.partition('id="curl-1"')[2]) & {*"\x1b\x03\x9b\x7f"}
    (tmp_path / "curl").write_text('#!/bin/sh\ncat > "$(dirname "$0")/sent"\n')
    (tmp_path / "curl").chmod(0o700)
    (command,) = re.findall(r'<code id="curl-1">(.*?)</code>', page, re.DOTALL)
    path = f"{tmp_path}:{os.environ['PATH']}"
    subprocess.run(["sh", "-c", command], env={"PATH": path}, check=True)  # noqa: S607
    assert (tmp_path / "sent").read_bytes() == body


@pytest.mark.parametrize("kind", ["application/cloudevents-batch+json", "text/plain"])
def test_an_item_of_a_batch_and_what_came_in_binary_mode_can_be_sent_again_alone(
    operator: TestClient, valkey: Valkey, kind: str
) -> None:
    body = b'{"specversion":"1.0","id":"1","source":"/x","type":"t","data":"words"}'
    one = Notification("camara.notifications", "promo", receipt(1), 1, kind, body)
    valkey.client().xadd(INBOUND, {"n": encode(one)})
    page = html.unescape(operator.post(f"/n/{receipt(1)}/reveal", headers=OURS).text)
    (command,) = re.findall(r'<code id="curl-1">(.*?)</code>', page, re.DOTALL)
    words = shlex.split(command)
    (sent,) = [word.partition(": ")[2] for word in words if word.startswith("Content-Type: ")]
    again = words[words.index("--data-binary") + 1].encode()
    assert len(BY_NAME["camara.notifications"].read(Asked(sent, (), again)).accepted) == 1


@pytest.mark.parametrize("plus", ["+", "%2B", "tel:+"])
def test_a_number_inside_of_an_id_or_a_source_is_masked(
    viewer: TestClient, valkey: Valkey, plus: str
) -> None:
    said = f"https://op.example/devices/{plus}1{NUMBER}/events"
    body = json.dumps({
        **{"specversion": "1.0", "id": f"a-{plus}1{NUMBER}", "source": said, "type": "com.example"},
        "data": {"time": "21:55:01 +0000 2012", "source": said},
    })  # fmt: skip
    headers = (("ce-id", f"a-{plus}1{NUMBER}"), ("user-agent", "gateway/+12"))
    about = ("camara.notifications", "promo", receipt(1), 1, "application/cloudevents+json")
    one = Notification(*about, body.encode(), headers=headers)
    valkey.client().xadd(INBOUND, {"n": encode(one)})
    work(valkey)
    page = viewer.get(f"/n/{receipt(1)}").text
    assert NUMBER not in page
    for shown in ("com.example", "21:55:01 +0000 2012", "gateway/+12"):
        assert shown in page


@pytest.mark.parametrize("key", [NUMBER, f"+1{NUMBER}", f"tel:+1{NUMBER}"])
def test_a_number_that_is_a_key_is_masked(viewer: TestClient, valkey: Valkey, key: str) -> None:
    said = {"recipients": {key: {"status": "DeliveredToTerminal"}}}
    event = {"specversion": "1.0", "id": "a", "source": "/x", "type": "com.example", "data": said}
    about = ("camara.notifications", "promo", receipt(1), 1, "application/cloudevents+json")
    one = Notification(*about, json.dumps(event).encode())
    valkey.client().xadd(INBOUND, {"n": encode(one)})
    work(valkey)
    page = viewer.get(f"/n/{receipt(1)}").text
    assert NUMBER not in page
    assert "DeliveredToTerminal" in page


def test_each_field_of_the_event_says_where_it_stands(viewer: TestClient, valkey: Valkey) -> None:
    accept(valkey, 1)
    work(valkey)
    page = viewer.get(f"/n/{receipt(1)}").text.split("Field to field")[-1]
    rows = dict(
        re.findall(r'<th scope="row" class="code">(\w+)</th>.*?class="code">(.*?)</td>', page)
    )
    assert rows["from"] == "SenderAddress"
    assert rows["text"] == "Message"


def test_a_refused_request_is_told_with_its_fault_marked(
    operator: TestClient, valkey: Valkey
) -> None:
    body = json.dumps({"SenderAddress": f"tel:+1{NUMBER}", "Message": {"no": "text"}}).encode()
    reason = "Message: a text is wanted"
    one = Refusal("att.sms.mo", "promo", receipt(1), 1, 400, reason, [("x-a", "b")], body)
    entry: Any = valkey.client().xadd(REJECTED, {"r": encode(one)})
    for address in (f"/n/{receipt(1)}", f"/rejected/{entry.decode()}"):
        page = operator.get(address).text
        assert "<mark>  &#34;Message&#34;: {</mark>" in page
        assert NUMBER not in page
        assert "no longer stored" not in page
    kept = (("user-agent", "gateway"), ("x-msisdn", f"+1{NUMBER}"))
    dead = Notification("att.sms.mo", "p", "r", 1, "", body, headers=kept)
    letter = encode(DeadLetter(1, reason, encode(dead)))
    entry = valkey.client().xadd(DEAD_LETTERS, {"d": letter})
    page = operator.get(f"/dead-letters/{entry.decode()}").text
    assert "<mark>  &#34;Message" in page
    assert "gateway</dd>" in page
    assert "x-msisdn" in page
    assert NUMBER not in page


def test_each_item_of_a_batch_stands_beside_its_own_event(
    viewer: TestClient, valkey: Valkey
) -> None:
    for number in (1, 2, 3):
        item = {"specversion": "1.0", "id": f"item-{number}", "source": "s", "type": "t"}
        body = json.dumps(item | {"data": {"subscriptionId": f"s-{number}"}}).encode()
        kind = "application/cloudevents-batch+json"
        one = Notification("camara.notifications", "promo", receipt(1), 1, kind, body)
        valkey.client().xadd(INBOUND, {"n": encode(one)})
    work(valkey)
    page = viewer.get(f"/n/{receipt(1)}").text
    sections = page.split('aria-label="As it came"')[1:]
    assert [re.findall(r"item-\d", one) for one in sections] == [
        [f"item-{number}"] * sections[number - 1].count(f"item-{number}") for number in (1, 2, 3)
    ]
    assert [one.count("Field to field</h2>") for one in sections] == [1, 1, 1]
    assert "No event was made of it" not in page


def test_a_story_of_a_web_process_whose_clock_was_ahead_has_its_body(
    viewer: TestClient, valkey: Valkey
) -> None:
    client = valkey.client()
    name = explaining.receipt(1, ago=-600_000)
    explaining.accept(client, name, mo())
    explaining.work(client)
    page = viewer.get(f"/n/{name}").text
    for words in ("kept", "published", "As it came", "SenderAddress"):
        assert words in page


def test_what_was_found_by_looking_on_is_revealed_too(operator: TestClient, valkey: Valkey) -> None:
    client = valkey.client()
    for _ in range(9):
        client.xadd(INBOUND, {"n": b""})
    name = explaining.receipt(1, ago=7_200_000)  # a spool held it for two hours
    explaining.accept(client, name, mo("private words 1"))
    assert operator.get(f"/n/{name}").status_code == 404
    page = operator.get(f"/n/{name}?look=everything").text
    assert "private words" not in page
    form = re.search(r'action="(/n/[^"]*/reveal[^"]*)"', page)
    assert form
    assert "private words 1" in operator.post(form[1], headers=OURS).text


def test_what_looking_on_found_by_an_event_is_shown_also_where_a_spool_held_it_for_hours(
    operator: TestClient, valkey: Valkey
) -> None:
    client: Any = valkey.client()
    for stream, field in ((INBOUND, "n"), (EVENTS, "event")):
        for _ in range(9):
            client.xadd(stream, {field: b""})
    explaining.accept(client, explaining.receipt(1, ago=7_200_000), mo("private words 1"))
    work(valkey)
    event = json.loads(client.xrevrange(EVENTS)[0][1][b"event"])["id"]
    form = re.search(r'href="(/n/[^"]*look=everything)"', operator.get(f"/n/{event}").text)
    assert form
    page = operator.get(operator.get(form[1]).headers["location"])
    assert page.status_code == 200
    assert ">published<" in page.text
