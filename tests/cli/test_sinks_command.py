"""`receiver sinks` and the sinks in `receiver ledger`."""

import json
import time
from pathlib import Path
from typing import Any

from receiver.config.settings import RedisStreamSink
from receiver.contract.redis_keys import SINKS, retry_items, sink_state
from tests.support.commands import answered, on_a_terminal, run
from tests.support.consumer import answering, consuming
from tests.support.forwarding import Forwarding, http_sink, publish_many
from tests.support.valkey import Valkey


def test_a_stopped_sink_is_listed_and_started(valkey: Valkey, tmp_path: Path) -> None:
    forwarding = Forwarding(valkey, RedisStreamSink(name="copy", stream="company:events"))
    forwarding.client.hset(sink_state("copy"), "stopped", "answered 410")
    publish_many(valkey, 3)
    forwarding.run()
    listed = run(tmp_path, "sinks", "list", REDIS_URL=valkey.url)
    found = json.loads(listed.stdout)
    assert (found["name"], found["state"], found["open"]) == ("copy", "stopped: answered 410", 3)
    assert (found["parked"], found["parked_unseen_seconds"], found["parked_since"]) == (0, 0, 0)
    assert run(tmp_path, "sinks", "start", "copy", REDIS_URL=valkey.url).returncode == 0
    forwarding.run()
    assert json.loads(run(tmp_path, "sinks", "list", REDIS_URL=valkey.url).stdout)["delivered"] == 3
    assert run(tmp_path, "sinks", "start", "copy", REDIS_URL=valkey.url).returncode == 1


def test_a_sink_that_is_none_is_refused(valkey: Valkey, tmp_path: Path) -> None:
    toml = '[[sink]]\nname = "copy"\nkind = "redis-stream"\nstream = "company"\n'
    for text in ("", toml):  # `sinks list` names one that no worker has begun
        (tmp_path / "receiver.toml").write_text(text)
        done = run(tmp_path, "sinks", "start", "copy", REDIS_URL=valkey.url)
        assert done.returncode == 2
        assert "no worker has begun a sink 'copy'" in done.stderr


def test_the_ledger_has_the_sinks(valkey: Valkey, tmp_path: Path) -> None:
    forwarding = Forwarding(valkey, RedisStreamSink(name="copy", stream="company:events"))
    publish_many(valkey, 3)
    shown = on_a_terminal(tmp_path, "ledger", REDIS_URL=valkey.url)
    assert "sink copy" in shown
    assert "events 3 delivered 0 filtered 0 dead 0 open 3" in shown
    forwarding.run()
    books = json.loads(run(tmp_path, "ledger", "--json", REDIS_URL=valkey.url).stdout)
    assert books["sinks"][0]["delivered"] == 3
    assert books["balanced"]


def test_a_sink_whose_ledger_does_not_balance_is_an_exit_code(
    valkey: Valkey, tmp_path: Path
) -> None:
    forwarding = Forwarding(valkey, RedisStreamSink(name="copy", stream="company:events"))
    publish_many(valkey, 3)
    forwarding.run()
    forwarding.client.hset(SINKS, "copy:shed", 2)
    done = run(tmp_path, "ledger", REDIS_URL=valkey.url)
    assert (done.returncode, json.loads(done.stdout)["balanced"]) == (1, False)
    assert "the ledger does not balance" in done.stderr
    code, shown = answered(tmp_path, "", "ledger", REDIS_URL=valkey.url)
    assert code == 1
    assert "events 3 delivered 3 filtered 0 dead 0 shed 2 open 0" in shown
    assert "The ledger balances" not in shown


def test_a_sink_that_fails_says_why_and_says_so_until_a_request_succeeds(
    valkey: Valkey, tmp_path: Path
) -> None:
    def listed() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(run(tmp_path, "sinks", "list", **environ).stdout)
        return found

    environ = {"REDIS_URL": valkey.url}
    with consuming() as consumer:
        consumer.behaviour = answering(503)
        forwarding = Forwarding(valkey, http_sink(consumer, concurrency=1))
        forwarding.now = time.time() + 600
        publish_many(valkey, 20)
        forwarding.run()
        found = listed()
        assert found["state"].startswith("failing: tried again in ")
        assert (found["failing"], found["reason"]) == (True, "answered 503")
        forwarding.client.hset(sink_state("hook"), "open_until", int(time.time() * 1000) - 1)
        assert listed()["state"] == "failing: being tried"
        assert "failing: being tried  answered 503" in on_a_terminal(
            tmp_path, "sinks", "list", **environ
        )
        for entry in forwarding.client.hkeys(retry_items("hook")):
            forwarding.client.hset(retry_items("hook"), entry, b"rubbish")
        assert listed()["reason"] == "not ours"
        forwarding.client.delete(sink_state("hook"))
        assert listed()["state"] == "sending"
