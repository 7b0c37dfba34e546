"""`receiver doctor` on sinks that take nothing: what becomes of their events, and when."""

import time
from pathlib import Path
from typing import Any

import pytest

from receiver.contract.redis_keys import EVENTS, SINKS, sink_parking, sink_state
from tests.support.commands import run
from tests.support.examined import examined, grave
from tests.support.valkey import Valkey
from workers.forward.delivery_queue import create_group

SINK = '[[sink]]\nname = "copy"\nkind = "redis-stream"\nstream = "company:events"\nshare = 20\n'


@pytest.fixture
def client(valkey: Valkey) -> Any:
    """A sink that has failed for an hour, at 0.1 events of a kilobyte a second."""
    client: Any = valkey.client()
    create_group(client, "copy")
    began = int(time.time() * 1000) - 3_600_000
    for number in range(360):
        client.xadd(EVENTS, {"event": b"x" * 960}, id=f"{began + number * 10_000}-0")
    client.hset(sink_state("copy"), mapping={"opened": 3, "open_until": 1})
    return client


@pytest.mark.parametrize(
    ("policy", "severity", "why"),
    [
        (
            "park",
            "note",
            "past 20 % of Redis, in 6 days at the present rate, its oldest events are",
        ),
        ("shed", "warning", "past 20 % of Redis, in 6 days at the present rate, its oldest events"),
        ("hold", "warning", "intake closes for everybody in 2"),
    ],
)
def test_of_a_sink_that_fails_it_is_said_what_holds_and_for_how_long(
    client: Any, valkey: Valkey, tmp_path: Path, policy: str, severity: str, why: str
) -> None:
    (tmp_path / "receiver.toml").write_text(f'{SINK}when_full = "{policy}"\n')
    found = examined(tmp_path, valkey.url, RECEIVER_PARK_DIR=str(tmp_path))
    what = "what waits for copy: 360 events in Redis, 0 parked"
    assert grave(found, what) == severity
    assert why in found[what]["why"]
    assert ("parked on disk, which is full in" in found[what]["why"]) is (policy == "park")


def test_events_that_did_not_come_back_are_said_for_a_week(
    client: Any, valkey: Valkey, tmp_path: Path
) -> None:
    """Their count stays in the ledger for ever, and nothing is left to do."""
    (tmp_path / "receiver.toml").write_text(SINK)
    client.hset(sink_parking("copy"), mapping={"total": 9, "returned": 2, "to": "1-1"})
    assert (
        run(tmp_path, "sinks", "skip-parked", "copy", "--yes", REDIS_URL=valkey.url).returncode == 0
    )
    what = "7 parked events of copy did not come back"
    assert grave(examined(tmp_path, valkey.url), what) == "warning"
    client.hincrby(sink_parking("copy"), "damaged", -8 * 86_400_000)
    assert what not in examined(tmp_path, valkey.url)


def test_a_park_disk_in_trouble_is_serious_and_so_is_one_without_its_worker(
    client: Any, valkey: Valkey, tmp_path: Path
) -> None:
    (tmp_path / "receiver.toml").write_text(SINK)
    told: dict[str, Any] = {
        "total": 9,
        "returned": 2,
        "host": "worker-3",
        "seen": int(time.time() * 1000),
    }
    client.hset(sink_parking("copy"), mapping=told)
    client.hset(SINKS, "copy:parked_damaged", 5)
    found = examined(tmp_path, valkey.url)
    assert grave(found, "5 parked events of copy did not come back") == "warning"
    assert not any("worker-3" in what for what in found)
    client.hset(sink_parking("copy"), "seen", told["seen"] - 120_000)
    found = examined(tmp_path, valkey.url)
    assert grave(found, "7 events of copy are parked on worker-3, where no worker") == "serious"
    client.hset(sink_parking("copy"), "trouble", "No space left on device")
    found = examined(tmp_path, valkey.url)
    assert grave(found, "events of copy cannot be parked: No space left") == "serious"


def test_a_sink_that_is_gone_from_the_file_with_events_parked_is_said(
    client: Any, valkey: Valkey, tmp_path: Path
) -> None:
    now = int(time.time() * 1000)
    told: dict[str, Any] = {"total": 9, "returned": 2, "host": "worker-3", "seen": now}
    client.hset(sink_parking("copy"), mapping=told)
    client.hset(SINKS, "copy:configured", now - 3_600_000)
    found = examined(tmp_path, valkey.url)
    what = "7 events of copy are parked, and copy is not in receiver.toml"
    assert grave(found, what) == "warning"
    assert "it is retired in 23.0 h" in found[what]["why"]
    assert "worker-3" in found[what]["why"]


def test_what_the_workers_have_counts_and_not_what_the_doctor_s_own_environment_has(
    client: Any, valkey: Valkey, tmp_path: Path
) -> None:
    """Where only workers have the disk, as in a composition."""
    (tmp_path / "receiver.toml").write_text(SINK)
    now = int(time.time() * 1000)
    client.hset(SINKS, mapping={"copy:configured": now, "copy:parks": now, "copy:holds": now})
    found = examined(tmp_path, valkey.url)
    what = "what waits for copy: 360 events in Redis, 0 parked"
    assert grave(found, what) == "note"
    assert found[what]["why"].endswith("its oldest events are parked on disk")
