"""`receiver doctor`: Redis servers set up badly, and what it says of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from receiver.config.settings import Settings
from receiver.doctor.redis_server import check_redis_server
from tests.support.eventually import eventually
from tests.support.examined import examined, grave
from tests.support.valkey import Valkey


@pytest.mark.parametrize(
    ("config", "part", "severity"),
    [
        ({"appendonly": "no"}, "appendonly is off", "serious"),
        ({"appendfsync": "everysec"}, "appendfsync is everysec", "serious"),
        ({"maxmemory": "0"}, "maxmemory is not set", "warning"),
        ({"maxmemory_policy": "allkeys-lru"}, "maxmemory-policy is allkeys-lru", "serious"),
    ],
)
def test_a_server_that_would_lose_data_is_found_and_the_fix_mends_it(
    start_valkey: Callable[..., Valkey],
    tmp_path: Path,
    config: dict[str, str],
    part: str,
    severity: str,
) -> None:
    server = start_valkey(**config)
    found = examined(tmp_path, server.url)
    assert grave(found, part) == severity
    (fix,) = (one["fix"] for what, one in found.items() if part in what)
    name, value = fix.partition("CONFIG SET ")[2].partition("  #")[0].split(" ")
    server.client().config_set(name, value)
    assert not any(part in what for what in examined(tmp_path, server.url))


def test_a_server_that_is_nearly_full_is_found(
    start_valkey: Callable[..., Valkey], tmp_path: Path
) -> None:
    server = start_valkey()
    client: Any = server.client()
    for number in range(1000):
        client.set(f"filler:{number}", b"x" * 20_000)
    client.config_set("maxmemory", int(client.info("memory")["used_memory"] / 0.7))
    assert grave(examined(tmp_path, server.url), "% full") == "warning"


def test_replicas_that_are_missing_are_found(valkey: Valkey, tmp_path: Path) -> None:
    found = examined(tmp_path, valkey.url, RECEIVER_ACK_REPLICAS="1")
    assert grave(found, "0 replicas are connected") == "serious"


def test_a_server_that_refuses_writes_without_its_replicas_is_found(
    start_valkey: Callable[..., Valkey], tmp_path: Path
) -> None:
    server = start_valkey(min_replicas_to_write="1")
    found = examined(tmp_path, server.url)
    assert grave(found, "0 replicas keep up") == "serious"
    server.client().config_set("min-replicas-to-write", 0)
    assert not any("keep up" in what for what in examined(tmp_path, server.url))


@pytest.mark.parametrize(("stale", "status"), [("yes", 1), ("no", 2)])
def test_an_address_that_names_a_replica_is_found(
    start_valkey: Callable[..., Valkey], tmp_path: Path, stale: str, status: int
) -> None:
    """Also where it answers nobody, because its master is gone."""
    replica = start_valkey(replica_serve_stale_data=stale)
    replica.client().replicaof("127.0.0.1", 1)
    found = examined(tmp_path, replica.url, status=status)
    assert grave(found, "REDIS_URL names a replica") == "serious"


@pytest.mark.parametrize(
    ("blocked", "command", "part"),
    [
        ("appendonlydir/appendonly.aof.2.base.rdb", "BGREWRITEAOF", "aof_last_bgrewrite_status"),
        ("dump.rdb", "BGSAVE", "rdb_last_bgsave_status"),
    ],
)
def test_a_disk_that_redis_cannot_write_is_found(
    start_valkey: Callable[..., Valkey], tmp_path: Path, blocked: str, command: str, part: str
) -> None:
    broken = start_valkey()
    (broken.directory / blocked).mkdir()
    client: Any = broken.client()
    client.execute_command(command)
    eventually(lambda: client.info("persistence")[part] == "err")
    assert (
        grave(examined(tmp_path, broken.url), f"cannot write its disk ({part}: err)") == "serious"
    )


@pytest.mark.parametrize(
    ("versions", "found"),
    [
        ({"redis_version": "6.2.14"}, ["the server is version 6.2.14"]),
        ({"redis_version": "7.0.0"}, []),
        ({"redis_version": "7.2.4", "valkey_version": "7.1.9"}, ["the server is version 7.1.9"]),
        ({"redis_version": "7.2.4", "valkey_version": "9.0.0-rc1"}, []),
    ],
)
def test_a_server_too_old_to_count_what_its_readers_have_to_get_is_found(
    valkey: Valkey, versions: dict[str, str], found: list[str]
) -> None:
    info: Any = valkey.client().info()
    del info["valkey_version"]
    config: Any = valkey.client().config_get("append*", "maxmemory*")
    assert [
        one.what for one in check_redis_server(Settings(), info | versions, config, 0.0)
    ] == found


@pytest.mark.parametrize(
    ("off", "severities"), [(-1.5, []), (-90.0, ["warning"]), (3.0, ["warning"])]
)
def test_clocks_that_are_apart_are_found(valkey: Valkey, off: float, severities: list[str]) -> None:
    client: Any = valkey.client()
    config = client.config_get("append*", "maxmemory*")
    found = list(check_redis_server(Settings(), client.info(), config, off))
    assert [one.severity for one in found] == severities
    assert all("timedatectl" in one.fix for one in found)


def test_a_replica_without_its_master_is_refused_by_its_own_word(
    start_valkey: Callable[..., Valkey], tmp_path: Path
) -> None:
    valkey = start_valkey(replica_serve_stale_data="no")
    valkey.client().replicaof("127.0.0.1", 1)
    said = list(examined(tmp_path, valkey.url, status=2))
    assert f"Redis ({valkey.socket}) answers, and refuses: MasterDownError" in said
