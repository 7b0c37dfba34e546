"""Commands that make room on a full server, or stop what fills it, work there."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from receiver.contract.redis_keys import EVENTS, SINKS, sink_state
from receiver.operations import sink_ledger
from tests.support.command_line import here
from tests.support.forwarding import Forwarding, publish_many, unheard_sink
from tests.support.valkey import Valkey
from workers.maintenance.sink_sweep import SinkSweep

HER = "+12065550100"


@pytest.fixture
def full(valkey: Valkey) -> Any:
    """Three events wait for a sink that nobody has in receiver.toml; they are all about her."""
    client: Any = Forwarding(valkey, unheard_sink()).client
    publish_many(valkey, 3)
    client.setrange("big", 1_000_000, b"x")
    client.hset(SINKS, "hook:configured", int(1000 * time.time()) - 3600 * 1000)
    client.config_set("maxmemory", client.info("memory")["used_memory"] // 2)
    return client


def test_a_sink_is_paused(full: Any, valkey: Valkey, tmp_path: Path) -> None:
    done = here(tmp_path, "sinks", "pause", "hook", REDIS_URL=valkey.url)
    assert (done.code, done.err) == (0, "hook is paused\n")
    assert full.hget(sink_state("hook"), "stopped") == b"paused"


def test_a_sink_is_removed(full: Any, valkey: Valkey, tmp_path: Path) -> None:
    done = here(tmp_path, "sinks", "remove", "hook", "--yes", REDIS_URL=valkey.url)
    assert (done.code, done.err) == (0, "hook goes with the next sweep of a worker\n")
    SinkSweep(full, ()).run()
    (books,) = sink_ledger.read(full)
    assert (books.begun, books.shed, books.balanced) == (False, 3, True)


def test_a_person_is_erased(full: Any, valkey: Valkey, tmp_path: Path) -> None:
    done = here(tmp_path, "erase", HER, "--yes", REDIS_URL=valkey.url)
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out)["erased"] == {"event": 3}
    assert full.xlen(EVENTS) == 0
