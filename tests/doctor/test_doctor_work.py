"""`receiver doctor` on what goes on: credentials, workers, sinks, books, what waits."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from receiver.auth.bearer import Credential
from receiver.auth.credential_store import add
from receiver.contract.redis_keys import (
    DEAD_LETTER_OWNERS,
    DEAD_LETTERS,
    EVENTS,
    GROUP,
    INBOUND,
    LEDGER,
    LOSSES,
    SINKS,
    retry_due,
    sink_state,
)
from tests.support.eventually import eventually
from tests.support.examined import GOOD, examined, grave
from tests.support.running import Receiver
from tests.support.valkey import Valkey
from workers.forward.delivery_queue import create_group

HOOK = (
    '[[sink]]\nname = "hook"\nkind = "http"\nurl = "https://hooks.example.com/"\n'
    'secrets_env = ["HOOK_SECRET"]\n'
)


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
    client.hset(
        DEAD_LETTER_OWNERS,
        mapping={"indexed": "1-1", "notifications": 1, "sink:hook": 90_000},
    )
    client.hset(LEDGER, "accepted", 5)
    client.hset(LOSSES, "a life", 7)
    create_group(client, "hook", "0")
    client.xgroup_destroy(EVENTS, "forward:hook")
    create_group(client, "hook", "0")
    client.hset(sink_state("hook"), "stopped", "answered 410")
    (tmp_path / "receiver.toml").write_text(HOOK)
    found = examined(tmp_path, valkey.url)
    waiting = "1 dead letters wait, 90000 of sink:hook, 1 of notifications"
    assert grave(found, waiting) == "warning"
    assert grave(found, "sink:hook has 90000 dead letters") == "serious"
    assert grave(found, "the ledger does not balance") == "serious"
    assert grave(found, "came back without 7") == "serious"
    assert grave(found, "no worker runs") == "serious"
    assert (
        grave(found, "the consumer group forward:hook was destroyed or moved (noticed 2")
        == "warning"
    )
    assert grave(found, "the sink hook is stopped: answered 410") == "serious"
    why = found["the sink hook is stopped: answered 410"]["why"]
    assert why.endswith("what has waited for its give_up_hours becomes a dead letter")
    assert not any("no worker of the sink hook" in what for what in found)  # it is said already
    beat = datetime.now(UTC).isoformat()
    client.hset("rq:worker:one", "last_heartbeat", beat)
    client.sadd("rq:workers:receiver-normalise", "rq:worker:one")
    found = examined(tmp_path, valkey.url)
    assert not any("no worker runs" in what for what in found)
    assert grave(found, "no worker of the sink hook runs") == "serious"
    assert grave(found, "HOOK_SECRET is not set") == "serious"


def test_a_notification_that_has_been_open_for_a_minute_is_found(
    valkey: Valkey, tmp_path: Path
) -> None:
    client: Any = valkey.client()
    now = time.time_ns() // 1_000_000
    client.xgroup_create(INBOUND, GROUP, id="0", mkstream=True)
    client.xadd(INBOUND, {"n": b""}, id=f"{now - 30_000}-0")
    assert not any("open notification" in what for what in examined(tmp_path, valkey.url))
    client.delete(INBOUND)
    client.xgroup_create(INBOUND, GROUP, id="0", mkstream=True)
    client.xadd(INBOUND, {"n": b""}, id=f"{now - 120_000}-0")
    found = examined(tmp_path, valkey.url)
    waited = (time.time_ns() // 1_000_000 - now) / 1000 + 120
    said = "the oldest open notification has waited for "
    assert grave(found, said) == "warning"
    (age,) = (float(what.split(said)[1].split()[0]) for what in found if said in what)
    assert 119 <= age <= waited + 1


def test_a_sink_that_was_taken_out_while_it_failed_is_only_a_note(
    valkey: Valkey, tmp_path: Path
) -> None:
    """For a day its events are kept; there is nothing to mend, and nobody to wake."""
    client: Any = valkey.client()
    create_group(client, "gone", "0")
    client.hset(sink_state("gone"), "opened", 1)
    client.hset(SINKS, "gone:configured", int(time.time() * 1000))
    assert grave(examined(tmp_path, valkey.url), "the sink gone fails") == "warning"
    client.hincrby(SINKS, "gone:configured", -120_000)
    found = examined(tmp_path, valkey.url)
    assert grave(found, "the sink gone is not configured any more") == "note"
    assert not any("gone fails" in what for what in found)


def test_a_sink_whose_circuit_is_open_is_found_and_one_that_is_stopped_once(
    valkey: Valkey, tmp_path: Path
) -> None:
    client: Any = valkey.client()
    create_group(client, "hook", "0")
    client.hset(sink_state("hook"), "failures", 3)
    assert not any("the sink hook fails" in what for what in examined(tmp_path, valkey.url))
    client.hset(sink_state("hook"), "opened", 1)
    found = examined(tmp_path, valkey.url)
    assert grave(found, "the sink hook fails") == "warning"
    client.hset(sink_state("hook"), "refused", "answered 401")
    found = examined(tmp_path, valkey.url)
    assert grave(found, "of the sink hook refuses everything (answered 401)") == "serious"
    assert not any("the sink hook fails" in what for what in found)
    client.hset(sink_state("hook"), "stopped", "answered 410")
    found = examined(tmp_path, valkey.url)
    assert grave(found, "the sink hook is stopped: answered 410") == "serious"
    why = found["the sink hook is stopped: answered 410"]["why"]
    assert why.endswith("what has waited for its give_up_hours becomes a dead letter")
    assert not any("the sink hook fails" in what for what in found)


def test_a_named_reader_that_is_missing_or_behind_is_found(valkey: Valkey, tmp_path: Path) -> None:
    (tmp_path / "receiver.toml").write_text('[[reader]]\nname = "crm"\n')
    found = examined(tmp_path, valkey.url)
    assert grave(found, "the reader crm of receiver.toml has no consumer group") == "warning"
    client: Any = valkey.client()
    client.xgroup_create(EVENTS, "crm", id="0", mkstream=True)
    assert not any("the reader crm" in what for what in examined(tmp_path, valkey.url))
    client.xadd(EVENTS, {"event": "{}"}, id=f"{time.time_ns() // 1_000_000 - 1_000_000}-0")
    found = examined(tmp_path, valkey.url)
    assert grave(found, "s behind, with 1 events that it has not acknowledged") == "warning"


def test_the_remedy_of_a_reader_works_before_the_first_event_too(
    valkey: Valkey, tmp_path: Path
) -> None:
    (tmp_path / "receiver.toml").write_text('[[reader]]\nname = "crm"\n')
    missing = "the reader crm of receiver.toml has no consumer group"
    remedy = examined(tmp_path, valkey.url)[missing]["fix"]
    main, sub, *arguments = remedy[remedy.index("XGROUP") :].split()
    client: Any = valkey.client()
    client.execute_command(f"{main} {sub}", *arguments)
    assert not any("the reader crm" in what for what in examined(tmp_path, valkey.url))


def test_a_secret_that_only_the_worker_has_is_no_alarm(receiver: Receiver, tmp_path: Path) -> None:
    """As under compose, where `doctor` is run in `web`."""
    receiver.also(RECEIVER_BEARER_TOKENS=GOOD, HOOK_SECRET="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    (tmp_path / "receiver.toml").write_text(HOOK)
    receiver.start_worker()
    queues = ("receiver-normalise", "receiver-forward-hook")
    eventually(lambda: all(receiver.redis.smembers(f"rq:workers:{name}") for name in queues))
    found = examined(tmp_path, receiver.valkey.url, status=0)
    assert not any("HOOK_SECRET" in what for what in found)
    found = examined(tmp_path, receiver.valkey.url, HOOK_SECRET="not a secret")
    assert grave(found, "HOOK_SECRET is no secret") == "serious"


def test_a_fix_that_a_running_process_does_not_see_says_restart(
    valkey: Valkey, tmp_path: Path
) -> None:
    (tmp_path / "receiver.toml").write_text(HOOK)
    found = examined(tmp_path, valkey.url, token="short")
    for part, process in {
        "fewer than 20": "restart web",
        "no spool": "restart web",
        "HOOK_SECRET": "restart worker",
    }.items():
        assert [process in one["fix"] for what, one in found.items() if part in what] == [True]


def test_a_sink_with_very_many_retries_is_found_unless_it_takes_nothing(
    valkey: Valkey, tmp_path: Path
) -> None:
    client: Any = valkey.client()
    create_group(client, "hook")
    client.zadd(retry_due("hook"), {f"1-{number}": number for number in range(9_999)})
    assert not any("once more" in what for what in examined(tmp_path, valkey.url))
    client.zadd(retry_due("hook"), {"2-0": 1})
    found = examined(tmp_path, valkey.url)
    assert grave(found, "10000 events of the sink hook wait to be sent once more") == "warning"
    client.hset(sink_state("hook"), "opened", 1)
    assert not any("once more" in what for what in examined(tmp_path, valkey.url))
