"""A fault of ours, or of Redis, while an entry is thought about: what becomes of the entry."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
import redis
import structlog
from rq.timeouts import JobTimeoutException

from receiver.config.settings import Settings
from receiver.contract.records import Notification, decode_dead_letter, encode
from receiver.contract.redis_keys import DEAD_LETTERS, EVENTS, GROUP, INBOUND, LEDGER
from receiver.runtime.logs import Seldom
from tests.support.running import mo
from tests.support.valkey import Valkey
from workers.normalise import decide
from workers.normalise.job import LONELY_ATTEMPTS, Normaliser


def accept(client: Any, body: bytes = mo("hello")) -> None:
    one = Notification("att.sms.mo", "default", "receipt", 1, "application/json", body)
    client.xadd(INBOUND, {"n": encode(one)})


def failing(patch: pytest.MonkeyPatch, error: BaseException) -> None:
    """The reading of every notification ends so."""

    def events(*_: Any) -> Any:
        raise error

    patch.setattr(decide, "BY_NAME", {"att.sms.mo": SimpleNamespace(events=events)})


def normaliser(client: Any) -> Normaliser:
    return Normaliser(client, "me", Settings(), lambda: False)


def test_a_jobs_time_that_is_up_is_no_fault_of_the_entry(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    client: Any = valkey.client()
    accept(client)
    with monkeypatch.context() as patch:
        failing(patch, JobTimeoutException("the job has taken too long"))
        with pytest.raises(JobTimeoutException):
            normaliser(client).run()
    assert client.xlen(DEAD_LETTERS) == 0
    assert client.xpending(INBOUND, GROUP)["pending"] == 1
    normaliser(client).run()
    assert (client.xlen(EVENTS), client.xlen(DEAD_LETTERS)) == (1, 0)


@pytest.mark.parametrize("error", [ValueError, KeyError, RecursionError, UnicodeError])
def test_a_fault_of_ours_is_told_by_its_class_and_never_by_its_text(
    valkey: Valkey,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    error: type[Exception],
) -> None:
    client: Any = valkey.client()
    accept(client)
    monkeypatch.setattr(decide, "_seldom", Seldom(structlog.get_logger()))
    failing(monkeypatch, error("+12065550100 said hello"))
    normaliser(client).run()
    ((_, fields),) = client.xrange(DEAD_LETTERS)
    assert decode_dead_letter(fields[b"d"]).reason == f"normalising failed: {error.__name__}"
    said = "".join(capfd.readouterr())
    assert "normalise.fault" in said
    assert error.__name__ in said
    assert "2065550100" not in said


@pytest.mark.parametrize("restarted", [False, True])
def test_a_redis_error_is_no_death_of_a_worker(valkey: Valkey, restarted: bool) -> None:
    """However often what a worker left is tried in vain, it is published once Redis takes it."""
    client: Any = valkey.client()
    accept(client)
    client.xgroup_create(INBOUND, GROUP, id="0")
    client.xreadgroup(GROUP, "me", {INBOUND: ">"})
    client.hset(LEDGER, "published", "many")
    one = normaliser(client)
    for _ in range(LONELY_ATTEMPTS + 3):
        with pytest.raises(redis.ResponseError):
            one.run()
        one = normaliser(client) if restarted else one
    client.hdel(LEDGER, "published")
    one.run()
    assert (client.xlen(EVENTS), client.xlen(DEAD_LETTERS)) == (1, 0)


def test_a_death_is_counted_and_the_fourth_lonely_attempt_is_a_dead_letter(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    client: Any = valkey.client()
    accept(client)
    client.xgroup_create(INBOUND, GROUP, id="0")
    client.xreadgroup(GROUP, "me", {INBOUND: ">"})
    with monkeypatch.context() as patch:
        failing(patch, SystemExit())
        for _ in range(LONELY_ATTEMPTS):
            with pytest.raises(SystemExit):
                normaliser(client).run()
        assert client.xlen(DEAD_LETTERS) == 0
        normaliser(client).run()
    ((_, fields),) = client.xrange(DEAD_LETTERS)
    assert "did not survive it" in decode_dead_letter(fields[b"d"]).reason


def test_what_somebody_else_wrote_forges_no_line_of_the_log(
    valkey: Valkey, capfd: pytest.CaptureFixture[str]
) -> None:
    client: Any = valkey.client()
    forged = '","outcome":"published"}\n{"event":"+12065550199"}\n\x1b[2J'
    for names in ((forged, "a", "r"), ("att.sms.mo", forged, "r"), ("att.sms.mo", "a", forged)):
        one = Notification(*names, 1, "application/json", mo(names[0]))
        client.xadd(INBOUND, {"n": encode(one)})
    normaliser(client).run()
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [line["receipt"] for line in lines if "receipt" in line] == ["", "", ""]
    assert "+12065550199" not in str(lines)
