"""Rejected requests are dropped and replayed as they were counted, on the audit trail."""

import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from receiver.console import audit
from receiver.contract.redis_keys import REJECTED
from tests.console.conftest import OURS
from tests.console.test_dead_letters import finished
from tests.console.test_rejected import confirmed, counted, reject
from tests.support.valkey import Valkey


def ids(valkey: Valkey) -> list[str]:
    found: Any = valkey.client().xrange(REJECTED)
    return [entry.decode() for entry, _ in found]


def test_it_says_how_many_before_anything_is_done(operator: TestClient, valkey: Valkey) -> None:
    reject(valkey, b"{}", 1234)
    assert "Replay 1\u202f234 rejected requests?" in counted(operator, action="replay")
    assert "Drop 1\u202f234 rejected requests?" in counted(operator, action="drop")
    assert "Drop 0 rejected requests?" in counted(operator, action="drop", listener="nobody")
    assert len(ids(valkey)) == 1234
    assert audit.newest(valkey.client()) == []


def test_exactly_what_was_counted_is_dropped_once_its_number_is_typed(
    operator: TestClient, valkey: Valkey
) -> None:
    old = [reject(valkey, b"{}") for _ in range(3)]
    page = counted(operator, action="drop", reason="x")
    hidden = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page))
    later = reject(valkey, b"{}")
    for typed in ("", "4", "all"):
        answer = operator.post("/rejected/run", headers=OURS, data=hidden | {"typed": typed})
        assert answer.status_code == 400
    assert ids(valkey) == [*old, later]
    answer = operator.post("/rejected/run", headers=OURS, data=hidden | {"typed": " 3 "})
    page = finished(operator, answer.headers["location"])
    assert "3 of 3: <strong>done</strong>" in page
    assert ids(valkey) == [later]
    ((_, entry),) = audit.newest(valkey.client())
    assert (entry.who, entry.action, entry.count) == ("ada", "rejected.drop", 3)
    assert entry.about == "reason=x"


def test_one_is_dropped_without_typing(operator: TestClient, valkey: Valkey) -> None:
    kept, gone = reject(valkey, b"{}"), reject(valkey, b"{}")
    assert f'value="{gone}"' in operator.get(f"/rejected/{gone}").text
    assert "1 of 1" in confirmed(operator, action="drop", id=gone)
    assert ids(valkey) == [kept]
    assert operator.get(f"/rejected/{gone}").status_code == 404


@pytest.mark.parametrize("form", [{}, {"last": "x"}, {"last": "9-9", "id": "no id", "count": "1"}])
def test_what_no_page_asked_for_is_not_done(
    operator: TestClient, valkey: Valkey, form: dict[str, str]
) -> None:
    entry = reject(valkey, b"{}")
    answer = operator.post("/rejected/run", headers=OURS, data={"action": "drop", **form})
    assert answer.status_code == 409
    assert ids(valkey) == [entry]
    assert audit.newest(valkey.client()) == []


def test_a_viewer_has_nothing_to_drop(viewer: TestClient, valkey: Valkey) -> None:
    entry = reject(valkey, b"{}")
    assert "Drop" not in viewer.get("/rejected").text
    assert "Drop" not in viewer.get(f"/rejected/{entry}").text
