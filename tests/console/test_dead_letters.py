"""Dead letters on the page: found, shown without a person, replayed and dropped as counted."""

import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from receiver.config.settings import RedisStreamSink, Settings
from receiver.console import audit
from receiver.console.tasks import Cancelled, Task
from receiver.contract.records import DeadLetter, encode
from receiver.contract.redis_keys import CONSOLE_AUDIT, DEAD_LETTERS, INBOUND
from tests.console.conftest import OURS
from tests.support.console_data import bury
from tests.support.eventually import eventually
from tests.support.valkey import Valkey
from tests.workers.test_foreign_entries import forwarded

NUMBER = "2065550142"


@pytest.fixture
def settings() -> Settings:
    return Settings(sinks=(RedisStreamSink(name="billing", stream="billing"),))


def confirmed(operator: TestClient, action: str, **chosen: str) -> dict[str, str]:
    page = operator.post("/dead-letters/confirm", headers=OURS, data={"action": action, **chosen})
    return dict(
        re.findall(r'name="(\w+)" value="([^"]*)"', page.text.rsplit('action="/dead', 1)[1])
    )


def finished(operator: TestClient, address: str) -> str:
    def ended() -> str:
        page = operator.get(address).text
        return "" if "Cancel" in page else page

    return eventually(ended)


def test_the_newest_come_first_and_nobody_is_shown(viewer: TestClient, valkey: Valkey) -> None:
    ids = bury(valkey, 60)
    page = viewer.get("/dead-letters").text
    assert re.findall(r'href="/dead-letters/([\d-]+)"', page) == ids[:9:-1]
    older = re.search(r'href="(/dead-letters\?[^"]*before=[^"]*)"', page)
    assert older
    rest = viewer.get(older[1].replace("&amp;", "&")).text
    assert re.findall(r'href="/dead-letters/([\d-]+)"', rest) == ids[9::-1]
    for address in ("/dead-letters", f"/dead-letters/{ids[0]}"):
        text = viewer.get(address).text
        assert NUMBER not in text
        assert "private" not in text
        assert "Replay" not in text


def test_they_are_grouped_and_filtered_by_reason_and_sink(
    operator: TestClient, valkey: Valkey
) -> None:
    bury(valkey, 3)
    bury(valkey, 2, "answered 500", "billing")
    page = operator.get("/dead-letters").text
    kinds = r'<td class="right">(\d+)</td><td><(?:span|a) [^>]+>([a-z ]+)<'
    assert re.findall(kinds, page) == [
        ("3", "not understood"),
        ("2", "billing"),
    ]
    assert operator.get("/dead-letters?sink=billing").text.count("<td>billing</td>") >= 2
    assert "None of these" in operator.get("/dead-letters?reason=nothing+like+it").text


@pytest.mark.parametrize("reason", ["items[0].address: no number", "what? *all* of it", "[" * 250])
def test_a_group_leads_to_its_own_letters_whatever_its_reason_has(
    operator: TestClient, valkey: Valkey, reason: str
) -> None:
    bury(valkey, 2, reason)
    bury(valkey, 1, "another")
    groups = operator.get("/dead-letters").text
    (address, _) = re.findall(r'<a href="(/dead-letters\?[^"]+)">', groups)
    rows = operator.get(address.replace("&amp;", "&")).text
    assert len(re.findall(r'href="/dead-letters/[\d-]+"', rows)) == 2
    assert confirmed(operator, "replay", reason=reason)["count"] == "2"


def test_a_replay_takes_what_was_counted_and_nothing_later(
    operator: TestClient, valkey: Valkey
) -> None:
    bury(valkey, 120)
    bury(valkey, 5, "something else")
    fields = confirmed(operator, "replay", reason="no sender")
    assert fields["count"] == "120"
    (late,) = bury(valkey, 1)
    answer = operator.post("/dead-letters/run", headers=OURS, data=fields)
    page = finished(operator, answer.headers["location"])
    assert "<strong>done</strong>" in page
    assert "120 of 120" in page
    client = valkey.client()
    assert client.xlen(INBOUND) == 120
    assert client.xlen(DEAD_LETTERS) == 6
    assert client.xrange(DEAD_LETTERS, late, late)
    ((_, entry),) = audit.newest(client)
    assert (entry.who, entry.action, entry.about, entry.count) == (
        *("ada", "dead-letters.replay", "reason=no+sender"),
        120,
    )


@pytest.mark.parametrize("typed", ["", "yes", "3", "all"])
def test_dropping_wants_the_count_typed(operator: TestClient, valkey: Valkey, typed: str) -> None:
    bury(valkey, 4)
    fields = confirmed(operator, "drop") | {"typed": typed}
    assert operator.post("/dead-letters/run", headers=OURS, data=fields).status_code == 400
    assert (valkey.client().xlen(DEAD_LETTERS), audit.newest(valkey.client())) == (4, [])


def test_one_is_dropped_by_its_own_page(operator: TestClient, valkey: Valkey) -> None:
    first, second = bury(valkey, 2)
    fields = confirmed(operator, "drop", id=first) | {"typed": "1"}
    answer = operator.post("/dead-letters/run", headers=OURS, data=fields)
    finished(operator, answer.headers["location"])
    left: Any = valkey.client().xrange(DEAD_LETTERS)
    assert [entry.decode() for entry, _ in left] == [second]


def test_a_replay_that_is_cancelled_leaves_the_rest(operator: TestClient, valkey: Valkey) -> None:
    bury(valkey, 300)
    pipe = valkey.client().pipeline()
    for _ in range(5_000):  # the workers have as much to do as may be
        pipe.xadd(INBOUND, {"n": b""})
    pipe.execute()
    fields = confirmed(operator, "replay")
    answer = operator.post("/dead-letters/run", headers=OURS, data=fields)
    task = answer.headers["location"]
    eventually(lambda: "waits: the workers have" in operator.get(task).text)
    operator.post(f"{task}/cancel", headers=OURS)
    assert "<strong>cancelled</strong>" in finished(operator, task)
    assert valkey.client().xlen(DEAD_LETTERS) == 300
    operator.post(f"{task}/cancel", headers=OURS)  # it has ended: nothing is done
    (_, cancelled), (_, begun) = audit.newest(valkey.client())
    assert (begun.action, begun.count) == ("dead-letters.replay", 300)
    assert (cancelled.who, cancelled.action, cancelled.count) == ("ada", "task.cancel", 300)
    assert cancelled.about == "Replay 300 dead letters, begun by ada"


def test_a_task_goes_on_where_its_cancelling_cannot_be_written_down(
    operator: TestClient, valkey: Valkey
) -> None:
    client = valkey.client()
    task = Task("0" * 16, "Replay 1 dead letter", "bob", 1)
    operator.app._app.state.tasks._tasks[task.id] = task  # type: ignore[attr-defined]
    client.set(CONSOLE_AUDIT, "not a stream")
    assert operator.post(f"/tasks/{task.id}/cancel", headers=OURS).status_code == 503
    task.wait_for("")  # it would raise, were it cancelled
    client.delete(CONSOLE_AUDIT)
    assert operator.post(f"/tasks/{task.id}/cancel", headers=OURS).status_code == 303
    with pytest.raises(Cancelled):
        task.wait_for("")


def test_a_replay_that_redis_leaves_says_so(operator: TestClient, valkey: Valkey) -> None:
    bury(valkey, 300)
    pipe = valkey.client().pipeline()
    for _ in range(5_000):
        pipe.xadd(INBOUND, {"n": b""})
    pipe.execute()
    answer = operator.post("/dead-letters/run", headers=OURS, data=confirmed(operator, "replay"))
    task = answer.headers["location"]
    eventually(lambda: "waits: the workers have" in operator.get(task).text)
    valkey.kill()
    try:
        page = finished(operator, task)
        assert "stopped: Redis does not answer as it should; the rest stays" in page
        assert operator.get("/export/dead-letters").status_code == 503
    finally:
        valkey.restart()
    assert valkey.client().xlen(DEAD_LETTERS) == 300


def test_nothing_is_done_that_the_audit_trail_does_not_take(
    operator: TestClient, valkey: Valkey
) -> None:
    (entry,) = bury(valkey, 1)
    valkey.client().set("receiver:console:audit", "not a stream")
    fields = confirmed(operator, "drop") | {"typed": "1"}
    assert operator.post("/dead-letters/run", headers=OURS, data=fields).status_code == 503
    revealed = operator.post(f"/dead-letters/{entry}/reveal", headers=OURS)
    assert (revealed.status_code, NUMBER in revealed.text) == (503, False)
    assert valkey.client().xlen(DEAD_LETTERS) == 1


def test_what_is_not_ours_is_listed_shown_and_dropped(operator: TestClient, valkey: Valkey) -> None:
    forwarded(valkey, RedisStreamSink(name="billing", stream="billing")).close()
    client: Any = valkey.client()
    client.xadd(DEAD_LETTERS, {"d": encode(DeadLetter(1, "no sender", b"\x91" * 5_000 + b"\xc0"))})
    ids = [entry.decode() for entry, _ in client.xrange(DEAD_LETTERS)]
    page = operator.get("/dead-letters").text
    assert re.findall(r'href="/dead-letters/([\d-]+)"', page) == ids[::-1]
    assert {operator.get(f"/dead-letters/{each}").status_code for each in ids} == {200}
    fields = confirmed(operator, "drop") | {"typed": str(len(ids))}
    answer = operator.post("/dead-letters/run", headers=OURS, data=fields)
    assert "<strong>done</strong>" in finished(operator, answer.headers["location"])
    assert client.xlen(DEAD_LETTERS) == 0


def test_what_somebody_else_was_faster_with_is_gone_and_counted_as_that(
    operator: TestClient, valkey: Valkey
) -> None:
    bury(valkey, 5)
    replay, drop = confirmed(operator, "replay"), confirmed(operator, "drop") | {"typed": "5"}
    first = operator.post("/dead-letters/run", headers=OURS, data=replay)
    assert "<dt>done</dt><dd>5</dd>" in finished(operator, first.headers["location"])
    late = operator.post("/dead-letters/run", headers=OURS, data=drop)
    page = finished(operator, late.headers["location"])
    assert "5 of 5: <strong>done</strong>" in page
    assert "<dt>done</dt><dd>0</dd><dt>gone meanwhile</dt><dd>5</dd>" in page
