"""Redis goes away in the middle of a replay: the task says so, and the next one does the rest."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from receiver.console.pages import dead_letters
from receiver.contract.redis_keys import DEAD_LETTERS, EVENTS
from receiver.operations import ledger
from tests.console.conftest import OURS
from tests.console.test_dead_letters import confirmed, finished
from tests.support.console_data import bury, work
from tests.support.eventually import eventually
from tests.support.valkey import Valkey

LETTERS = 1_000
BEFORE = 3
"""Pages of a hundred letters that are replayed before it goes."""


def test_a_replay_that_loses_redis_stops_and_the_next_one_does_the_rest(
    operator: TestClient, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    bury(valkey, LETTERS)
    pages: list[int] = []

    class Dies:
        def __init__(self, *_: Any) -> None: ...

        def __call__(self, page: Sequence[Any]) -> None:
            pages.append(len(page))
            if len(pages) == BEFORE + 1:
                valkey.kill()

    monkeypatch.setattr(dead_letters, "ReplayThrottle", Dies)
    form = confirmed(operator, "replay")
    task = operator.post("/dead-letters/run", headers=OURS, data=form).headers["location"]
    state = operator.app._app.state  # type: ignore[attr-defined]
    name = task.rpartition("/")[2]
    eventually(lambda: state.tasks.get(name).ended)
    valkey.restart()
    done = sum(pages[:BEFORE])
    text = operator.get(task).text
    assert "stopped: Redis does not answer as it should; the rest stays" in text
    client: Any = valkey.client()
    assert client.xlen(DEAD_LETTERS) == LETTERS - done
    monkeypatch.undo()
    form = confirmed(operator, "replay")
    again = operator.post("/dead-letters/run", headers=OURS, data=form).headers["location"]
    assert f"Replay {LETTERS - done} dead letters" in finished(operator, again)
    assert client.xlen(DEAD_LETTERS) == 0
    work(valkey)
    events = [msgspec.json.decode(fields[b"event"]) for _, fields in client.xrange(EVENTS)]
    assert (len(events), len({one["id"] for one in events})) == (LETTERS, LETTERS)
    assert ledger.read(client).balanced
