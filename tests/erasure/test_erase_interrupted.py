"""What a run of `receiver erase` had erased is counted, also where it does not come to its end."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from receiver.contract.redis_keys import EVENTS
from receiver.erasure import log_rewrite
from tests.support.command_line import here
from tests.support.forwarding import publish_many
from tests.support.valkey import Valkey

HER = "+12065550100"


@pytest.fixture
def server() -> Iterator[Valkey]:
    """One that a test may end."""
    server = Valkey()
    yield server
    server.stop()


def erase(
    valkey: Valkey,
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    at_the_log: Callable[[Any], str],
) -> Any:
    """All is erased, and while the server rewrites its log something happens."""
    publish_many(valkey, 3)
    monkeypatch.setattr(log_rewrite, "rewrite", lambda client, _: at_the_log(client))
    return here(directory, "erase", HER, "--yes", REDIS_URL=valkey.url)


def check(done: Any) -> None:
    told = json.loads(done.out)
    assert (told["erased"], told["complete"]) == ({"event": 3}, False)
    assert told["left"] == ["this run did not come to its end: run it again"]


def test_a_redis_that_goes_away(
    server: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(client: redis.Redis) -> str:
        server.kill()
        client.ping()
        return ""

    done = erase(server, tmp_path, monkeypatch, killed)
    assert done.code == 2
    assert done.err.startswith("receiver: Redis: ")
    check(done)


def test_ctrl_c(valkey: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: redis.Redis) -> str:
        raise KeyboardInterrupt

    done = erase(valkey, tmp_path, monkeypatch, interrupted)
    assert done.code == 130
    check(done)
    assert not valkey.client().xlen(EVENTS)


def test_where_nothing_was_erased_there_is_no_report(
    valkey: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> str:
        raise redis.ConnectionError("gone")

    monkeypatch.setattr(log_rewrite, "rewrite", away)
    done = here(tmp_path, "erase", HER, "--yes", REDIS_URL=valkey.url)
    assert (done.code, done.out) == (2, "")
