"""The console's clock jumps: pages come, and show what is."""

import time
from typing import Any

import pytest
from starlette.testclient import TestClient

from receiver.contract.redis_keys import LEDGER
from tests.console.test_pages import PAGES, fill
from tests.support.valkey import Valkey


def shifted(seconds: float) -> Any:
    real = time.time
    return lambda: real() + seconds


def test_numbers_read_while_the_clock_was_ahead_are_not_kept_until_then(
    viewer: TestClient, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as ahead:
        ahead.setattr(time, "time", shifted(3_600))
        assert "<dd>4\u202f711</dd>" not in viewer.get("/").text
    valkey.client().hincrby(LEDGER, "accepted", 4_711)
    assert "<dd>4\u202f711</dd>" in viewer.get("/").text


@pytest.mark.parametrize("seconds", [-400 * 86_400, -3_600, 3_600])
def test_every_page_comes_whatever_the_clock_says(
    operator: TestClient, valkey: Valkey, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    fill(valkey)
    assert operator.get("/").status_code == 200
    monkeypatch.setattr(time, "time", shifted(seconds))
    answers = {path: operator.get(path) for path in (*PAGES, "/sinks/billing", "/listeners/promo")}
    wrong = [path for path, one in answers.items() if one.status_code != 200]
    assert wrong == []
