"""Forms: what nobody could have meant is not done, and what was confirmed is done once."""

import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from receiver.auth import credential_store
from receiver.config.settings import HttpSink, Settings
from receiver.console import audit, tasks
from receiver.console.sessions import Link
from receiver.console.tasks import Task
from receiver.contract.redis_keys import DEAD_LETTERS, SINKS, sink_state
from tests.console.conftest import OURS, sign_in
from tests.console.test_dead_letters import confirmed, finished
from tests.console.test_sink_replay import counted, fields, publish
from tests.support.console_data import bury
from tests.support.valkey import Valkey

SINK = HttpSink(name="hook", url="https://hooks.example.com/")


@pytest.fixture
def settings() -> Settings:
    return Settings(sinks=(SINK,))


def left(valkey: Valkey) -> tuple[int, list[Any]]:
    """The dead letters that are left, and what stands on the audit trail."""
    return valkey.client().xlen(DEAD_LETTERS), audit.newest(valkey.client())


FORGED = [
    {"count": "1", "typed": "1"},
    {"until": "9" * 15},
    {"reason": ""},
    {"action": "replay"},
    {"sink": "billing"},
    {"more": "1"},
    {"seal": ""},
    {"seal": "a.b"},
    {"seal": "\u00e9.\ufffd"},
]


@pytest.mark.parametrize("forged", FORGED)
def test_nothing_is_done_but_what_was_counted(
    operator: TestClient, valkey: Valkey, forged: dict[str, str]
) -> None:
    bury(valkey, 3)
    form = confirmed(operator, "drop", reason="no sender") | {"typed": "3"} | forged
    answer = operator.post("/dead-letters/run", headers=OURS, data=form)
    assert (answer.status_code, "count again" in answer.text) == (409, True)
    assert left(valkey) == (3, [])


@pytest.mark.parametrize("forged", [{"until": "9" * 15}, {"since": "0"}, {"count": "2"}])
def test_nothing_is_replayed_to_a_sink_but_what_was_counted(
    operator: TestClient, valkey: Valkey, forged: dict[str, str]
) -> None:
    publish(valkey, 1)
    form = fields(counted(operator)) | forged
    answer = operator.post("/sinks/hook/replay/run", headers=OURS, data=form)
    assert (answer.status_code, audit.newest(valkey.client())) == (409, [])


def test_what_one_has_counted_another_does_not_confirm(
    operator: TestClient, valkey: Valkey
) -> None:
    bury(valkey, 2)
    form = confirmed(operator, "drop") | {"typed": "2"}
    operator.cookies.clear()
    eve = sign_in(operator, valkey, Link("eve", "operator"))
    assert eve.post("/dead-letters/run", headers=OURS, data=form).status_code == 409
    assert left(valkey) == (2, [])


def test_a_form_that_is_sent_twice_is_done_once(operator: TestClient, valkey: Valkey) -> None:
    bury(valkey, 3)
    form = confirmed(operator, "drop") | {"typed": "3"}
    places = {
        operator.post("/dead-letters/run", headers=OURS, data=form).headers["location"]
        for _ in range(3)
    }
    (place,) = places
    assert "3 of 3: <strong>done</strong>" in finished(operator, place)
    assert [entry.count for _, entry in left(valkey)[1]] == [3]


def test_no_more_tasks_run_than_there_is_room_for(
    operator: TestClient, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "MOST_RUNNING", 0)
    bury(valkey, 1)
    answer = operator.post("/dead-letters/run", headers=OURS, data=confirmed(operator, "replay"))
    assert (answer.status_code, "tasks run already" in answer.text) == (503, True)
    assert left(valkey) == (1, [])


def test_a_task_that_failed_for_a_thousand_reasons_shows_the_most_frequent(
    operator: TestClient,
) -> None:
    found = operator.app._app.state.tasks  # type: ignore[attr-defined]
    reasons = [f"no JSON (byte {number})" for number in range(1_000)] + ["no JSON (byte 7)"] * 4
    one = Task("0" * 16, "Replay", "ada", len(reasons))
    found.start(one, lambda _: (("1-1", reason) for reason in reasons), lambda: None)
    page = finished(operator, "/tasks/" + "0" * 16)
    assert "<dd>5: no JSON (byte 7)</dd>" in page
    assert page.count("<dt>failed</dt>") == 21
    assert "<dd>980: 980 other reasons</dd>" in page


@pytest.mark.parametrize("days", ["", "0", "-1", "1.5", "14 days", "36501", "٣", "1e3"])
def test_an_end_that_nobody_can_read_is_neither_now_nor_never(
    operator: TestClient, valkey: Valkey, days: str
) -> None:
    client = valkey.client()
    assert operator.post("/credentials", headers=OURS, data={"label": "att"}).status_code == 200
    (stored,) = credential_store.all_stored(client)
    answer = operator.post(f"/credentials/{stored.id}/revoke", headers=OURS, data={"days": days})
    assert (answer.status_code, "whole number" in answer.text) == (400, True)
    if days:
        added = operator.post("/credentials", headers=OURS, data={"days": days})
        assert added.status_code == 400
    (same,) = credential_store.all_stored(client)
    assert same == stored
    assert [entry.action for _, entry in audit.newest(client)] == ["credentials.add"]


@pytest.mark.parametrize("form", [{}, {"action": ""}, {"action": "Stop"}, {"why": "x"}])
def test_a_form_without_its_action_does_nothing(
    operator: TestClient, valkey: Valkey, form: dict[str, str]
) -> None:
    valkey.client().hset(SINKS, "hook:begun", 0)
    for path in ("/sinks/hook", "/dead-letters/confirm", "/rejected/confirm"):
        assert operator.post(path, headers=OURS, data=form).status_code == 400
    assert valkey.client().hgetall(sink_state("hook")) == {}
    assert audit.newest(valkey.client()) == []


def test_a_form_of_too_many_fields_does_nothing(operator: TestClient, valkey: Valkey) -> None:
    body = "action=drop&" + "&".join(f"a{number}=1" for number in range(30))
    for path in ("/credentials", "/sinks/hook", "/dead-letters/run", "/search"):
        assert operator.post(path, headers=OURS, content=body).status_code == 400
    assert credential_store.all_stored(valkey.client()) == []


@pytest.mark.parametrize("page", ["/dead-letters", "/rejected", "/audit"])
def test_before_the_first_entry_there_is_nothing_to_ask_for(
    operator: TestClient, valkey: Valkey, page: str
) -> None:
    bury(valkey, 1)
    for entry in ("0-0", "00-0", "0-1"):
        assert operator.get(f"{page}?before={entry}").status_code == 200
    assert not re.search("No such", operator.get(page).text)
