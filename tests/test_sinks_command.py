"""`receiver sinks` and the sinks in `receiver ledger`."""

import json
from pathlib import Path

from receiver.notification import sink_state
from receiver.settings import RedisStreamSink
from tests.commands import run
from tests.forwarding import Forwarding, publish_many
from tests.valkey import Valkey


def test_a_stopped_sink_is_listed_and_started(valkey: Valkey, tmp_path: Path) -> None:
    forwarding = Forwarding(valkey, RedisStreamSink(name="copy", stream="company:events"))
    forwarding.client.hset(sink_state("copy"), "stopped", "answered 410")
    publish_many(valkey, 3)
    forwarding.run()
    listed = run(tmp_path, "sinks", "list", REDIS_URL=valkey.url)
    found = json.loads(listed.stdout)
    assert (found["name"], found["state"], found["open"]) == ("copy", "stopped: answered 410", 3)
    assert run(tmp_path, "sinks", "start", "copy", REDIS_URL=valkey.url).returncode == 0
    forwarding.run()
    assert json.loads(run(tmp_path, "sinks", "list", REDIS_URL=valkey.url).stdout)["delivered"] == 3
    assert run(tmp_path, "sinks", "start", "copy", REDIS_URL=valkey.url).returncode == 1


def test_a_sink_that_is_none_is_refused(valkey: Valkey, tmp_path: Path) -> None:
    done = run(tmp_path, "sinks", "start", "copy", REDIS_URL=valkey.url)
    assert done.returncode == 2
    assert "there is no sink 'copy'" in done.stderr


def test_the_ledger_has_the_sinks(valkey: Valkey, tmp_path: Path) -> None:
    forwarding = Forwarding(valkey, RedisStreamSink(name="copy", stream="company:events"))
    publish_many(valkey, 3)
    assert "sink copy events 3 delivered 0 filtered 0 dead 0 open 3" in (
        run(tmp_path, "ledger", REDIS_URL=valkey.url).stdout
    )
    forwarding.run()
    books = json.loads(run(tmp_path, "ledger", "--json", REDIS_URL=valkey.url).stdout)
    assert books["sinks"][0]["delivered"] == 3
    assert books["balanced"]
