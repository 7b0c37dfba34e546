"""Exports: every list as a file, masked, bounded, harmless, and never whole by mistake."""

import asyncio
import csv
import io
import itertools
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from anyio import CapacityLimiter
from starlette.testclient import TestClient

from receiver.auth import credential_store
from receiver.auth.bearer import Credential
from receiver.config.settings import RedisStreamSink, Settings
from receiver.console import audit, export
from receiver.console.export import CHUNK, cell, download
from receiver.console.live import HISTORY
from receiver.console.pages.exports import LISTS
from receiver.contract.records import Attempt, DeadLetter, Notification, Refusal, encode
from receiver.contract.redis_keys import (
    DEAD_LETTERS,
    EVENTS,
    REJECTED,
    SINKS,
    sink_deliveries,
    sink_state,
)
from tests.console.conftest import OURS
from tests.console.test_live import NUMBER, accept, receipt, work
from tests.support.running import mo
from tests.support.valkey import Valkey

HOSTILE = ['=HYPERLINK("http://evil")', "+1+1", "-2+3", "@SUM(1)", "\t=1", "\r=1", "\n=1", " =1"]
SCRIPT = "<script>alert(1)</script>"
EVENT = b'{"id": "1", "type": "t", "source": "s"}'
PERSONAL = [name for name, one in LISTS.items() if one.personal]


@pytest.fixture
def settings() -> Settings:
    return Settings(sinks=(RedisStreamSink(name="billing", stream="billing"),))


def fill(valkey: Valkey, word: str) -> None:
    """One row of every list, with a word of a stranger's wherever one can stand."""
    client, body = valkey.client(), mo(word, f"tel:+1{NUMBER}")
    accept(valkey, 1)
    work(valkey)
    letter = Notification(word, word, receipt(2), 0, word, body)
    client.xadd(DEAD_LETTERS, {"d": encode(DeadLetter(1, word, encode(letter), word))})
    refused = Refusal(word, word, receipt(3), 0, 400, word, [(word, word)], body)
    client.xadd(REJECTED, {"r": encode(refused)})
    client.xgroup_create(EVENTS, "forward:billing", id="0")
    client.hset(SINKS, "billing:begun", 0)
    client.hset(sink_state("billing"), mapping={"stopped": word, "stopped_at": 1})
    answer = json.dumps({"to": f"+1{NUMBER}"}).encode()
    tried = Attempt("billing", "1-1", 1, 1, 1, 500, word, answer)
    client.xadd(sink_deliveries("billing"), {"a": encode(tried)})
    credential_store.add(client, "t" * 40, Credential(label=word, created=1.0))
    audit.write(client, word, "reveal", word)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_every_list_is_a_file_that_shows_nobody(
    operator: TestClient, valkey: Valkey, name: str, kind: str
) -> None:
    assert operator.get(f"/export/{name}?format={kind}").status_code == 200  # of an empty store
    fill(valkey, SCRIPT)
    answer = operator.get(f"/export/{name}?format={kind}&sink={'billing' * (name == 'attempts')}")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}.{kind}"'
    assert answer.headers["content-type"] == export.TYPES[kind]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert NUMBER not in answer.text
    assert "private" not in answer.text
    if kind == "csv":
        head, *rows = csv.reader(io.StringIO(answer.text, newline=""))
        assert tuple(head) == LISTS[name].columns
        assert all(len(row) == len(head) for row in rows)
    assert len(answer.text.splitlines()) > 1 or name in ("subscriptions", "polls") or kind != "csv"


def test_a_page_with_a_list_leads_to_its_export(operator: TestClient, valkey: Valkey) -> None:
    fill(valkey, "word")
    lists = {f"/{name}": name for name in LISTS} | {"/sinks/billing": "attempts"}
    for name in ("attempts", "subscriptions", "polls"):  # the latter two have no rows here
        del lists[f"/{name}"]
    for path, name in lists.items():
        assert f'href="/export/{name}?' in operator.get(path).text


def test_what_is_filtered_is_exported(viewer: TestClient, valkey: Valkey) -> None:
    fill(valkey, "one reason")
    client = valkey.client()
    client.xadd(DEAD_LETTERS, {"d": encode(DeadLetter(1, "another", b"", "billing", EVENT))})
    found = lines(viewer.get("/export/dead-letters?format=ndjson&reason=another").text)
    assert [one["reason"] for one in found] == ["another"]
    assert lines(viewer.get("/export/rejected?format=ndjson&status=415").text) == []
    assert lines(viewer.get("/export/live?format=ndjson&type=device.").text) == []
    assert viewer.get("/export/audit").status_code == 403
    assert viewer.get("/export/credentials").status_code == 403


@pytest.mark.parametrize("name", PERSONAL)
def test_as_it_is_only_on_the_audit_trail(operator: TestClient, valkey: Valkey, name: str) -> None:
    fill(valkey, "word")
    form = {"format": "ndjson", "sink": "billing" if name == "attempts" else "", "text": NUMBER}
    answer = operator.post(f"/export/{name}", headers=OURS, data=form)
    assert NUMBER in answer.text
    ((_, entry), *_) = audit.newest(valkey.client())
    assert (entry.who, entry.action, entry.about.split()[0]) == ("ada", "export", name)
    assert NUMBER not in entry.about
    valkey.client().delete("receiver:console:audit")
    valkey.client().set("receiver:console:audit", "not a stream")
    answer = operator.post(f"/export/{name}", headers=OURS, data=form)
    assert (answer.status_code, NUMBER in answer.text) == (503, False)


def test_what_a_search_finds_is_exported_and_audited(operator: TestClient, valkey: Valkey) -> None:
    accept(valkey, 1)
    accept(valkey, 2)
    work(valkey)
    form = {"text": NUMBER, "format": "ndjson"}
    masked = operator.post("/export/search", headers=OURS, data=form)
    assert [one["receipt"] for one in lines(masked.text)] == [receipt(2), receipt(1)]
    assert NUMBER not in masked.text
    clear = operator.post("/export/search", headers=OURS, data=form | {"as": "it-is"})
    assert [one["subject"] for one in lines(clear.text)] == [f"+1{NUMBER}"] * 2
    actions = [entry.action for _, entry in audit.newest(valkey.client())]
    assert actions == ["export", "search", "search"]
    short = operator.post("/export/search", headers=OURS, data={"text": "ab"})
    assert short.status_code == 400


@pytest.mark.parametrize("word", HOSTILE)
def test_no_cell_is_a_formula(operator: TestClient, valkey: Valkey, word: str) -> None:
    fill(valkey, word)
    for name in LISTS:
        sink = "billing" * (name == "attempts")
        text = operator.get(f"/export/{name}?format=csv&sink={sink}").text
        for row in csv.reader(io.StringIO(text, newline="")):
            assert not [one for one in row if one.lstrip()[:1] in tuple("=+-@") and one[:1] != "'"]
            assert not [one for one in row if one[:1] in ("\t", "\r", "\n")]


def test_a_cell_keeps_what_is_no_formula() -> None:
    found = [cell(value) for value in ("", "a=b", -5, None, True, 1.5, ["x"], "=1", "＝1")]  # noqa: RUF001
    assert found == ["", "a=b", "-5", "", "true", "1.5", '["x"]', "'=1", "'＝1"]  # noqa: RUF001


def test_no_more_than_is_said_and_the_last_line_says_so(
    operator: TestClient, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "MOST", 3)
    for number in range(5):
        audit.write(valkey.client(), f"n{number}", "reveal")
    *rows, last = lines(operator.get("/export/audit?format=ndjson").text)
    assert [one["who"] for one in rows] == ["n4", "n3", "n2"]
    assert last == {"incomplete": "only the first 3 rows are here"}
    assert "incomplete: only" in operator.get("/export/audit?format=csv").text.splitlines()[-1]
    monkeypatch.setattr(export, "MOST", 5)
    assert "incomplete" not in operator.get("/export/audit?format=ndjson").text


def test_a_live_tail_that_goes_further_back_is_said_to_in_the_last_line(
    operator: TestClient, valkey: Valkey
) -> None:
    for number in range(HISTORY):
        accept(valkey, number)
    address = "/export/live?format=ndjson&outcome="
    assert len(lines(operator.get(address).text)) == HISTORY
    accept(valkey, HISTORY)
    *rows, last = lines(operator.get(address).text)
    assert [rows[0]["receipt"], rows[-1]["receipt"]] == [receipt(HISTORY), receipt(1)]
    assert last == {"incomplete": f"only the newest {HISTORY} entries were looked at"}
    (last,) = lines(operator.get(f"{address}rejected").text)
    assert "incomplete" in last
    assert "incomplete: only" in operator.get("/export/live?format=csv").text.splitlines()[-1]


def test_redis_gone_in_the_middle_is_said_in_the_last_line() -> None:
    def rows(count: int) -> Iterator[dict[str, Any]]:
        for number in range(count):
            yield {"number": number}
        raise ConnectionError

    for kind in ("csv", "ndjson"):
        text = written(kind, lambda: rows(CHUNK + 50))
        assert "incomplete" in text.splitlines()[-1]
        assert len(text.splitlines()) == CHUNK + 1 + (kind == "csv")
    with pytest.raises(ConnectionError):
        written("csv", lambda: rows(10))


def test_what_takes_too_long_is_said_in_the_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def rows() -> Iterator[dict[str, Any] | None]:
        nonlocal now
        for number in itertools.count():
            now += 1.0  # of each, one in ten is a row
            yield None if number % 10 else {"number": number}

    monkeypatch.setattr(export, "time", SimpleNamespace(monotonic=lambda: now))
    *found, last = lines(written("ndjson", rows))
    assert [one["number"] for one in found] == list(range(0, int(export.SECONDS) + 1, 10))
    assert last == {
        "incomplete": f"it took longer than {export.SECONDS:.0f} s: older rows are missing"
    }


def written(kind: str, rows: Any) -> str:
    """Return the file that is made of rows."""

    async def read() -> str:
        state = SimpleNamespace(slow=CapacityLimiter(1))
        request: Any = SimpleNamespace(app=SimpleNamespace(state=state))
        response: Any = await download(request, "x", kind, ["number"], rows)
        return "".join([chunk async for chunk in response.body_iterator])

    return asyncio.run(read())
