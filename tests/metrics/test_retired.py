"""What is not configured any more says so, pages nobody and ends; what lives is seen."""

import json
import re
import time
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from receiver.cli.terminal.sink_table import state
from receiver.config.settings import Listener, RedisStreamSink, Settings
from receiver.contract.redis_keys import EVENTS, HEARD, NORMALISE_QUEUE, SINKS
from receiver.metrics import snapshot
from receiver.metrics.exposition import exposition
from receiver.metrics.sink_snapshot import BEATS_WITHIN
from receiver.operations import sink_ledger, sink_orders
from tests.support.commands import run
from tests.support.eventually import eventually
from tests.support.examined import examined, grave
from tests.support.running import Receiver, mo
from tests.support.valkey import Valkey
from workers.forward.delivery_queue import create_group
from workers.maintenance.sink_sweep import SinkSweep

BILLING = RedisStreamSink(name="billing", stream="billing")


def series(client: Any, name: str, settings: Settings | None = None) -> set[str]:
    """The values of a gauge's only label."""
    page = exposition(snapshot.read(client), None, settings or Settings(), ready=True).decode()
    return {
        next(iter(sample.labels.values()))
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == name
    }


def sink_gauges(client: Any, settings: Settings | None = None) -> list[set[str]]:
    names = ("backlog_oldest_seconds", "down_seconds", "stopped")
    return [series(client, f"receiver_sink_{name}", settings) for name in names]


def test_a_sink_that_was_taken_out_pages_nobody_and_says_so(valkey: Valkey, tmp_path: Path) -> None:
    client: Any = valkey.client()
    SinkSweep(client, (BILLING,)).create_groups()
    SinkSweep(client, (BILLING,)).run()
    client.xadd(EVENTS, {"event": "{}"})
    queue = "receiver-forward-billing"
    assert queue in series(client, "receiver_workers")
    assert sink_gauges(client) == [{"billing"}] * 3
    assert state(sink_ledger.read(client)[0], ()) == "sending"
    ago = int(1000 * (time.time() - BEATS_WITHIN - 3600))
    client.hset(SINKS, "billing:configured", ago)
    assert series(client, "receiver_workers") == {NORMALISE_QUEUE}
    assert sink_gauges(client) == [set()] * 3
    said = state(sink_ledger.read(client)[0], ())
    what = "what is retried becomes dead letters, the rest is let go"
    assert said == f"not configured any more: in 23 h {what}"
    assert grave(examined(tmp_path, valkey.url), "sink billing is not configured any") == "note"


def test_a_sink_that_receiver_toml_has_is_not_called_gone_where_no_worker_runs(
    valkey: Valkey, tmp_path: Path
) -> None:
    toml = '[[sink]]\nname = "billing"\nkind = "redis-stream"\nstream = "billing"\n'
    (tmp_path / "receiver.toml").write_text(toml)
    client: Any = valkey.client()
    SinkSweep(client, (BILLING,)).create_groups()
    for days in (0, 3):
        ago = int(1000 * (time.time() - BEATS_WITHIN - 7 - days * 86400))
        client.hset(SINKS, "billing:configured", ago)
        (listed,) = map(
            json.loads, run(tmp_path, "sinks", "list", REDIS_URL=valkey.url).stdout.splitlines()
        )
        screen = json.loads(run(tmp_path, "status", "--json", REDIS_URL=valkey.url).stdout)
        for said in (listed["state"], screen["sinks"][0]["state"]):
            assert re.fullmatch(
                r"no worker has had it for \d+ s: start `receiver worker` with this receiver.toml",
                said,
            )
    client.hdel(SINKS, "billing:configured")
    (listed,) = map(
        json.loads, run(tmp_path, "sinks", "list", REDIS_URL=valkey.url).stdout.splitlines()
    )
    assert listed["state"].startswith("no worker has had it: start ")


def test_that_a_sink_is_stopped_is_said_also_where_no_worker_has_it(
    valkey: Valkey, tmp_path: Path
) -> None:
    toml = '[[sink]]\nname = "billing"\nkind = "redis-stream"\nstream = "billing"\n'
    (tmp_path / "receiver.toml").write_text(toml)
    client: Any = valkey.client()
    SinkSweep(client, (BILLING,)).create_groups()
    sink_orders.pause(client, "billing", "moves")
    start = "start `receiver worker` with this receiver.toml"
    status = run(tmp_path, "status", "--json", REDIS_URL=valkey.url)
    said = json.loads(status.stdout)["sinks"][0]["state"]
    assert said == f"stopped: moves; no worker has had it: {start}"
    client.hset(SINKS, "billing:configured", int(1000 * (time.time() - BEATS_WITHIN - 7)))
    (one,) = sink_ledger.read(client)
    assert state(one, ["billing"]).startswith("stopped: moves; no worker has had it for ")
    assert state(one, ()).startswith("not configured any more: in 24 h ")


def test_a_sink_that_this_process_has_configured_is_told_of(valkey: Valkey) -> None:
    client: Any = valkey.client()
    create_group(client, "billing")
    client.hset(SINKS, "billing:configured", int(1000 * (time.time() - 7200)))
    settings = Settings(sinks=(BILLING,))
    assert "receiver-forward-billing" in series(client, "receiver_workers", settings)
    assert sink_gauges(client, settings) == [{"billing"}] * 3


def test_a_configured_sink_that_no_worker_ever_had_has_no_worker(valkey: Valkey) -> None:
    """So `ReceiverNoWorker` fires where `receiver worker` runs without this `receiver.toml`."""
    settings = Settings(sinks=(BILLING,))
    told = series(valkey.client(), "receiver_workers", settings)
    assert told == {NORMALISE_QUEUE, "receiver-forward-billing"}


def test_nobody_waits_for_a_listener_that_is_not_configured_any_more(
    valkey: Valkey, tmp_path: Path
) -> None:
    client: Any = valkey.client()
    now = int(1000 * time.time())
    client.hset(HEARD, mapping={"promo": now - 1000, "old": now - 2 * 86_400_000})
    silent = "receiver_listener_silence_seconds"
    named = Settings(listeners=(Listener(name="promo"), Listener(name="new")))
    assert series(client, silent, named) == {"promo", "new"}
    assert series(client, silent) == {"promo", "old"}
    client.hset(HEARD, "old", now - 8 * 86_400_000)
    assert series(client, silent) == {"promo"}
    (tmp_path / "receiver.toml").write_text('[[listener]]\nname = "promo"\n')
    found = examined(tmp_path, valkey.url)
    assert grave(found, "the listener old is not configured any more") == "note"


def test_workers_are_seen_again_soon_after_redis_came_back_empty(receiver: Receiver) -> None:
    receiver.start()
    client: Any = receiver.valkey.client()

    def alive() -> bool:
        return bool(snapshot.read(client).workers[NORMALISE_QUEUE])

    eventually(alive)
    client.flushall()
    eventually(alive)


def test_all_of_300_configured_listeners_are_told_apart(receiver: Receiver, tmp_path: Path) -> None:
    names = {f"listener-{number}" for number in range(300)}
    tables = "".join(f'[[listener]]\nname = "{name}"\n' for name in sorted(names))
    (tmp_path / "receiver.toml").write_text(tables)
    client: Any = receiver.valkey.client()
    now = int(1000 * time.time())
    client.hset(HEARD, mapping={f"renamed-{number}": now for number in range(150)})
    client.hset(HEARD, mapping={f"gone-{number}": now - 40 * 86_400_000 for number in range(250)})
    receiver.start()
    for name in names:
        receiver.acknowledged(f"/att/sms/mo/{name}", mo())
    eventually(lambda: {name.encode() for name in names} <= set(client.hkeys(HEARD)))
    assert client.hlen(HEARD) == 450
    found = snapshot.read(client)
    settings = Settings(listeners=tuple(Listener(name=name) for name in names))
    assert series(client, "receiver_listener_silence_seconds", settings) == names
    page = exposition(found, None, settings, ready=True).decode()
    silences = [line for line in page.splitlines() if line.startswith("receiver_listener_silence")]
    assert not [line for line in silences if line.endswith("+Inf")]
    environ = {"REDIS_URL": receiver.valkey.url, "PORT": str(receiver.port)}
    shown = json.loads(run(tmp_path, "status", "--json", **environ).stdout)
    assert None not in shown["listeners"].values()
    assert set(shown["listeners"]) == names
    said = examined(tmp_path, receiver.valkey.url, status=0)
    assert not [what for what in said if "the listener other " in what]


def test_of_a_listener_that_may_be_among_others_nothing_false_is_said(
    valkey: Valkey, tmp_path: Path
) -> None:
    client: Any = valkey.client()
    now = int(1000 * time.time())
    client.hset(HEARD, mapping={"promo": now, "other": now})
    (tmp_path / "receiver.toml").write_text(
        '[[listener]]\nname = "promo"\n[[listener]]\nname = "new"\n'
    )
    named = Settings(listeners=(Listener(name="promo"), Listener(name="new")))
    assert series(client, "receiver_listener_silence_seconds", named) == {"promo"}
    shown = run(tmp_path, "status", "--json", REDIS_URL=valkey.url).stdout
    assert json.loads(shown)["unknown_listeners"] == ["new"]
    found = examined(tmp_path, valkey.url)
    assert not [what for what in found if "the listener other " in what]
