"""What the commands say while Redis is away: what lies on this machine, and then why not more."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from receiver.contract.redis_keys import LEDGER
from receiver.doctor.key_types import KINDS
from tests.support.commands import run
from tests.support.examined import GOOD, examined, grave
from tests.support.running import Receiver, mo
from tests.support.valkey import Valkey

SINK = '[[sink]]\nname = "copy"\nkind = "redis-stream"\nstream = "copy"\n'


@pytest.fixture
def away(receiver: Receiver, tmp_path: Path) -> dict[str, str]:
    """The environment of commands beside a web process that spools three notifications."""
    (tmp_path / "receiver.toml").write_text(SINK)
    receiver.also(RECEIVER_SPOOL_DIR="spool")
    receiver.start_web()
    receiver.valkey.kill()
    for _ in range(3):
        receiver.acknowledged("/att/sms/mo", mo())
    return {"REDIS_URL": receiver.valkey.url, "RECEIVER_SPOOL_DIR": "spool"}


def test_the_ledger_has_what_is_spooled(away: dict[str, str], tmp_path: Path) -> None:
    plain = run(tmp_path, "ledger", **away)
    assert (plain.returncode, plain.stdout) == (2, '{"spooled":3}\n')
    assert plain.stderr.startswith("receiver: Redis: ")
    assert json.loads(run(tmp_path, "ledger", "--json", **away).stdout) == {"spooled": 3}


def test_the_list_of_sinks_has_their_names_and_what_is_spooled(
    away: dict[str, str], tmp_path: Path
) -> None:
    done = run(tmp_path, "sinks", "list", **away)
    assert (done.returncode, done.stdout) == (2, "")
    spooled, sinks, why = done.stderr.splitlines()
    assert spooled.startswith("receiver: 3 acknowledged notifications wait in this machine's spool")
    assert sinks == "receiver: sinks in receiver.toml: copy (redis-stream)"
    assert why.startswith("receiver: Redis: ")


def test_doctor_says_where_redis_is_what_is_spooled_and_what_it_can_see(
    away: dict[str, str], tmp_path: Path
) -> None:
    url = away.pop("REDIS_URL")
    found = examined(tmp_path, url, status=2, token="short", **away)
    where = f"Redis ({url.removeprefix('unix://')}) is unreachable: Error 111 connecting to "
    assert grave(found, where) == "serious"
    assert grave(found, "3 acknowledged notifications wait in this machine's spool") == "warning"
    assert grave(found, "fewer than 20") == "serious"


@pytest.mark.parametrize(
    ("commands", "user", "part"),
    [
        (["CONFIG SET requirepass secret"], "", "refuses our user or password"),
        (
            ["ACL SETUSER ops on >pass ~* +info +time +config|get"],
            "ops:pass@",
            "refuses commands to this user",
        ),
    ],
)
def test_doctor_tells_a_redis_that_refuses_from_one_that_is_gone(
    start_valkey: Callable[..., Valkey], tmp_path: Path, commands: list[str], user: str, part: str
) -> None:
    server = start_valkey()
    client: Any = server.client()
    for command in commands:
        client.execute_command(*command.split())
    url = f"unix://{user}{server.socket}"
    found = examined(tmp_path, url, status=2)
    assert grave(found, part) == "serious"


def test_doctor_names_the_key_that_somebody_made_something_else_of(
    valkey: Valkey, tmp_path: Path
) -> None:
    client: Any = valkey.client()
    for key in KINDS:
        client.lpush(key, "not ours")
    found = examined(tmp_path, valkey.url, status=2)
    assert [what for what in found if "is a list, and was a " in what] == [
        f"{key} is a list, and was a {kind}" for key, kind in KINDS.items()
    ]
    fix = found[f"{LEDGER} is a list, and was a hash"]["fix"]
    client.execute_command(*fix.partition(f"{valkey.socket} ")[2].partition(" #")[0].split())
    assert client.type(LEDGER) == b"none"


def test_the_keys_that_doctor_knows_are_of_the_types_that_they_get_and_all_that_have_one_name(
    receiver: Receiver, tmp_path: Path
) -> None:
    receiver.also(RECEIVER_BEARER_TOKENS=GOOD)
    receiver.start()
    headers = {"Authorization": f"Bearer {GOOD}", "Content-Type": "application/json"}
    receiver.acknowledged("/att/sms/mo", mo(), headers)
    assert receiver.post("/att/sms/mo", b"{}", headers).status == 400
    environ = {"REDIS_URL": receiver.valkey.url}
    assert run(tmp_path, "credentials", "add", "--label", "one", **environ).returncode == 0
    assert run(tmp_path, "credentials", "add", "--label", "two", **environ).returncode == 0
    assert run(tmp_path, "credentials", "revoke", "one", **environ).returncode == 0
    receiver.settled()
    found = examined(tmp_path, receiver.valkey.url, status=0)
    assert not any(" and was a " in what for what in found)
    keys: Any = receiver.redis.keys("receiver:*")
    assert {key.decode() for key in keys if key.count(b":") == 1} <= set(KINDS)
