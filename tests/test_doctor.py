"""`receiver doctor`: real servers set up badly, real files left open, and what it says of them."""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from receiver.credential_store import add
from receiver.credentials import Credential
from receiver.doctor.place import place
from receiver.notification import DEAD_LETTERS, LEDGER, LOSSES, sink_state
from receiver.settings import Settings
from tests.commands import run
from tests.eventually import eventually
from tests.running import Receiver
from tests.valkey import Valkey
from workers.deliveries import begin

GOOD = "a-token-of-more-than-twenty-characters"


def examined(
    cwd: Path, url: str, *, status: int = 1, token: str = GOOD, **environ: str
) -> dict[str, dict[str, str]]:
    """What it found, by what is wrong."""
    environ = {"REDIS_URL": url, "RECEIVER_BEARER_TOKENS": token} | environ
    done = run(cwd, "doctor", "--json", **environ)
    assert done.returncode == status, done
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(all(one.values()) for one in found)
    return {one["what"]: one for one in found}


def grave(found: dict[str, dict[str, str]], part: str) -> str:
    """How grave the finding is that has this in it."""
    matches = [one["severity"] for what, one in found.items() if part in what]
    assert len(matches) == 1, (part, list(found))
    return matches[0]


def test_a_good_setup_at_work_has_reminders_only(receiver: Receiver, tmp_path: Path) -> None:
    receiver.also(RECEIVER_BEARER_TOKENS=GOOD)
    receiver.start_worker()
    eventually(lambda: receiver.redis.smembers("rq:workers:receiver-normalise"))
    found = examined(tmp_path, receiver.valkey.url, status=0)
    assert {one["severity"] for one in found.values()} == {"note"}
    spool = {"RECEIVER_SPOOL_DIR": str(tmp_path / "spool")}
    assert examined(tmp_path, receiver.valkey.url, status=0, **spool) == {}
    assert not (tmp_path / "spool").exists()


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
    name, value = fix.partition("CONFIG SET ")[2].partition(" &&")[0].split(" ")
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


def test_whoever_could_get_in_is_found(valkey: Valkey, tmp_path: Path) -> None:
    assert grave(examined(tmp_path, valkey.url, token="short"), "fewer than 20") == "serious"
    assert grave(examined(tmp_path, valkey.url, token=""), "no credential") == "serious"
    assert grave(examined(tmp_path, valkey.url, HOST="::"), "HOST=::") == "note"
    data = tmp_path / "var"
    data.mkdir()
    (data / "demo-token").write_text(GOOD)
    (data / "demo-token").chmod(0o644)
    data.chmod(0o777)
    found = examined(tmp_path, valkey.url)
    assert grave(found, "demo-token is open to other users") == "serious"
    assert grave(found, "anybody on this machine may write") == "serious"
    assert grave(found, "the demo's token is valid") == "warning"
    (fix,) = (one["fix"] for what, one in found.items() if "is open to" in what)
    subprocess.run(fix.split(), cwd=tmp_path, check=True)
    assert not any("is open to" in what for what in examined(tmp_path, valkey.url))
    add(valkey.client(), GOOD, Credential(label="demo"))
    assert grave(examined(tmp_path, valkey.url), "(demo) is the demo's token") == "warning"


def test_what_is_about_to_expire_is_found(valkey: Valkey, tmp_path: Path) -> None:
    client = valkey.client()
    for label, days in {"gone": -1, "soon": 3, "later": 30}.items():
        add(client, f"token-{label}", Credential(label=label, expires=time.time() + days * 86400))
    client.hset("receiver:credentials", "ab" * 32, "not a record")
    found = examined(tmp_path, valkey.url)
    assert grave(found, "(gone) has expired") == "serious"
    assert grave(found, "(soon) expires in 3.0 days") == "warning"
    assert grave(found, "abababababab cannot be read") == "serious"
    assert not any("later" in what for what in found)


def test_what_waits_for_somebody_is_found(valkey: Valkey, tmp_path: Path) -> None:
    client: Any = valkey.client()
    client.xadd(DEAD_LETTERS, {"d": b""})
    client.hset(LEDGER, "accepted", 5)
    client.hset(LOSSES, "a life", 7)
    begin(client, "hook", "0")
    client.hset(sink_state("hook"), "stopped", "answered 410")
    (tmp_path / "receiver.toml").write_text(
        '[[sink]]\nname = "hook"\nkind = "http"\nurl = "https://hooks.example.com/"\n'
        'secrets_env = ["HOOK_SECRET"]\n'
    )
    found = examined(tmp_path, valkey.url)
    assert grave(found, "1 dead letters wait") == "warning"
    assert grave(found, "the books do not balance") == "serious"
    assert grave(found, "came back without 7") == "serious"
    assert grave(found, "no worker lives") == "serious"
    assert grave(found, "the sink hook is stopped: answered 410") == "serious"
    assert grave(found, "no worker of the sink hook lives") == "serious"
    assert grave(found, "HOOK_SECRET is not set") == "serious"


def test_a_redis_that_does_not_answer_leaves_it_with_what_it_can_see(tmp_path: Path) -> None:
    found = examined(tmp_path, f"unix://{tmp_path}/nobody", status=2, token="short")
    assert grave(found, "Redis cannot be asked") == "serious"
    assert grave(found, "fewer than 20") == "serious"


@pytest.mark.parametrize(
    ("url", "part", "severity"),
    [
        ("redis://redis.example.com:1/0", "no password", "serious"),
        ("redis://:secret@redis.example.com:1/0", "without TLS", "warning"),
        ("redis://:secret@redis:1/0", "without TLS", "note"),
    ],
)
def test_an_address_that_lets_others_read_along_is_found(
    tmp_path: Path, url: str, part: str, severity: str
) -> None:
    settings = Settings(data_dir=tmp_path, spool_dir=tmp_path)
    found = {one.what: {"severity": str(one.severity)} for one in place(settings, [], url)}
    assert grave(found, part) == severity
    assert "secret" not in str(found)


def test_into_a_pipe_it_prints_a_plain_line_for_each(valkey: Valkey, tmp_path: Path) -> None:
    done = run(tmp_path, "doctor", REDIS_URL=valkey.url, RECEIVER_BEARER_TOKENS="short")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("serious: ")
    assert all("; fix: " in line for line in lines)
    assert "short;" not in done.stdout
