"""A replay that has to wait says for what, and one that cannot go on says where to begin again."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from receiver.contract.redis_keys import retry_due, sink_state
from receiver.operations.event_replay import AT_ONCE
from tests.operations.test_replay import CONFIG, counts, handed_over, publish
from tests.support.commands import run, running
from tests.support.eventually import eventually
from tests.support.valkey import Valkey

NUMBERS = range(1, AT_ONCE + 1000)
REPLAY = ("replay", "--sink", "billing", "--since")


@pytest.fixture
def server() -> Iterator[Valkey]:
    """One that a test may end."""
    server = Valkey()
    yield server
    server.stop()


def begun(valkey: Valkey, directory: Path) -> Any:
    """A replay that waits, for as much is due as the sink may have."""
    (directory / "receiver.toml").write_text(CONFIG)
    publish(valkey.client(), NUMBERS)
    return running(directory, *REPLAY, "1970-01-01", REDIS_URL=valkey.url)


def rest_comes(valkey: Valkey, directory: Path, said: str) -> None:
    """Going on from where it says, all that was not handed over is."""
    client = valkey.client()
    (where,) = (line for line in said.splitlines() if "go on with --since" in line)
    first = {int(event["id"]) for event in handed_over(client)}
    client.flushdb()
    publish(client, NUMBERS)
    answer = run(directory, *REPLAY, where.split()[-1], REDIS_URL=valkey.url)
    assert answer.returncode == 0
    assert first | {int(event["id"]) for event in handed_over(client)} == set(NUMBERS)


def test_it_says_what_it_waits_for(valkey: Valkey, tmp_path: Path) -> None:
    with begun(valkey, tmp_path) as process:
        said = process.stderr.readline()
        assert said == f"receiver: waiting: sink 'billing' has {AT_ONCE} deliveries to do first\n"


def test_it_ends_where_the_sink_is_stopped_meanwhile(valkey: Valkey, tmp_path: Path) -> None:
    client = valkey.client()
    with begun(valkey, tmp_path) as process:
        eventually(lambda: client.zcard(retry_due("billing")) == AT_ONCE)
        client.hset(sink_state("billing"), "stopped", "answered 410")
        out, said = process.communicate(timeout=60)
    assert (process.returncode, json.loads(out)) == (1, counts(AT_ONCE, AT_ONCE, AT_ONCE))
    assert "sink 'billing' is stopped: answered 410; `receiver sinks start billing`" in said
    rest_comes(valkey, tmp_path, said)


def test_a_redis_that_goes_away_costs_no_position(server: Valkey, tmp_path: Path) -> None:
    with begun(server, tmp_path) as process:
        assert process.stderr.readline().startswith("receiver: waiting: ")
        server.kill()
        out, said = process.communicate(timeout=60)
    assert (process.returncode, json.loads(out)) == (2, counts(AT_ONCE, AT_ONCE, AT_ONCE))
    assert said.splitlines()[-1].startswith("receiver: Redis: ")
    server.start()
    rest_comes(server, tmp_path, said)
