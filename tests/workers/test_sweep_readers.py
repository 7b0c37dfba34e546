"""A consumer group of the company's own that receiver.toml names holds its unread events."""

from pathlib import Path
from typing import Any

import pytest
import redis

from receiver.config.settings import Reader, SettingsError, load
from receiver.contract.redis_keys import EVENTS, REJECTED
from tests.support.valkey import Valkey
from tests.workers.test_sweep import HOUR, NOW, add, ledger, read
from workers.maintenance import reader_share, sweep
from workers.maintenance.sweep import DAY, History, Sweep

KEPT = [History("events", EVENTS, 7 * DAY, 1_000_000)]


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sweep gets on as far as it can, however slow the machine."""
    monkeypatch.setattr(sweep, "TRIM_SECONDS", 60.0)


def fill_to(client: redis.Redis, share: float) -> None:
    """Make `maxmemory` so small that what is there is this share of it."""
    memory: Any = client.info("memory")
    client.config_set("maxmemory", int(memory["used_memory"] / share))


def events_of(client: redis.Redis, acknowledged: int) -> None:
    """A thousand events of 1 kB, of which the group billing has done so many."""
    add(client, EVENTS, 1000, at=NOW - HOUR, size=1000)
    client.xack(EVENTS, "billing", *read(client, EVENTS, "billing", acknowledged + 10)[:-10])


def test_unread_events_of_a_named_group_stay_when_memory_is_short(valkey: Valkey) -> None:
    client = valkey.client()
    events_of(client, 800)
    fill_to(client, 0.95)
    Sweep(client, KEPT, [Reader(name="billing", share=20), Reader(name="missing")]).trim()
    assert (client.xlen(EVENTS), ledger(client)) == (200, {"events_trimmed": 800})


def test_a_named_group_holds_events_and_no_other_history(valkey: Valkey) -> None:
    client = valkey.client()
    events_of(client, 900)
    add(client, REJECTED, 500, at=NOW - HOUR, size=1000)
    fill_to(client, 5)
    Sweep(client, [*KEPT, History("rejected", REJECTED)], [Reader("billing", 50)]).trim()
    assert (client.xlen(EVENTS), client.xlen(REJECTED)) == (100, 0)


def test_a_group_beyond_its_share_holds_nothing(valkey: Valkey) -> None:
    client = valkey.client()
    events_of(client, 100)
    fill_to(client, 0.95)
    Sweep(client, KEPT, [Reader(name="billing", share=5)]).trim()
    assert client.xlen(EVENTS) < 900
    assert ledger(client)["events_unread_trimmed"] > 0


def test_a_group_that_is_not_named_holds_nothing_and_age_goes_on(valkey: Valkey) -> None:
    client = valkey.client()
    events_of(client, 800)
    fill_to(client, 5)
    Sweep(client, KEPT).trim()
    assert client.xlen(EVENTS) == 0
    client.delete(EVENTS)
    client.config_set("maxmemory", 0)
    add(client, EVENTS, 10, at=NOW - 8 * DAY)
    read(client, EVENTS, "billing", 0)
    Sweep(client, KEPT, [Reader(name="billing")]).trim()
    assert client.xlen(EVENTS) == 0


@pytest.mark.parametrize(
    ("sizes", "deleted", "bytes_held"),
    [
        ((960, 960), 999, 80_000),
        ((1920, 0), 999, 80_000),  # as many large ones, the oldest, as empty ones
        ((960, 960), 30, 139_000),  # one ahead of the group: the server does not say how many wait
    ],
)
def test_a_group_s_share_is_of_what_it_has_read_and_not_done_and_of_what_it_has_not_read(
    valkey: Valkey, sizes: tuple[int, int], deleted: int, bytes_held: int
) -> None:
    client: Any = valkey.client()
    for number, size in enumerate(sizes):
        add(client, EVENTS, 50, at=NOW + number, size=size)
    entries = read(client, EVENTS, "billing", 60)
    client.xack(EVENTS, "billing", *entries[:20])
    client.xdel(EVENTS, f"{NOW + 1}-{deleted}")
    for limit, found in ((100 * bytes_held, ["billing"]), (100 * bytes_held - 100, [])):
        client.config_set("maxmemory", limit)
        assert reader_share.within(client, [Reader("billing", 1), Reader("missing", 1)]) == found


def test_readers_are_named_in_the_file_once_and_with_a_share(tmp_path: Path) -> None:
    file = tmp_path / "receiver.toml"
    file.write_text('[[reader]]\nname = "billing"\n[[reader]]\nname = "crm"\nshare = 5\n')
    found = load({"RECEIVER_CONFIG": str(file)}).readers
    assert found == (Reader("billing", 20), Reader("crm", 5))
    file.write_text('[[reader]]\nname = "crm"\n' * 2)
    with pytest.raises(SettingsError, match="line 4: reader 'crm', name: another reader has it"):
        load({"RECEIVER_CONFIG": str(file)})
    for bad in ("share = 0", "share = 60", 'kind = "x"', 'name = ""'):
        name = "" if "name" in bad else 'name = "billing"\n'
        file.write_text(f"[[reader]]\n{name}{bad}\n")
        with pytest.raises(SettingsError, match=r"line \d: "):
            load({"RECEIVER_CONFIG": str(file)})
