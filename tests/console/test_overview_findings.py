"""The overview says of the work what `receiver doctor` says, and nothing of other environments."""

import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from receiver.config.settings import Settings, load
from receiver.contract.redis_keys import CONSENTS, SINKS, poll_state, sink_parking
from receiver.polling.mailbox.consent_record import Consent
from tests.support.examined import examined
from tests.support.valkey import Valkey
from workers.forward.delivery_queue import create_group

TOML = """
public_url = "https://hooks.example.com"
[[poll]]
name = "alice"
kind = "att-messages"
mailbox = "+12065550100"
redirect_uri = "https://app.example.com/consented"
base_url = "https://gateway.example.com"
client_id_env = "ATT_APP_KEY"
client_secret_env = "ATT_APP_SECRET"
[[operator]]
name = "nokia"
reachability = "https://api.example.com/device-reachability-status-subscriptions/v0.8"
auth = { kind = "headers", headers_env = { x-rapidapi-key = "NAC_KEY" } }
[[subscription]]
name = "fleet"
operator = "nokia"
types = ["reachability-data"]
devices = ["+12065550100"]
[[sink]]
name = "copy"
kind = "redis-stream"
stream = "company:events"
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "receiver.toml").write_text(TOML)
    return load({"RECEIVER_CONFIG": str(tmp_path / "receiver.toml")})


def test_polls_subscriptions_and_parked_events_that_nobody_sees_to_are_found(
    operator: TestClient, valkey: Valkey, tmp_path: Path
) -> None:
    client: Any = valkey.client()
    create_group(client, "copy")
    told = {"total": 9, "returned": 2, "host": "worker-3", "seen": 1}
    client.hset(sink_parking("copy"), mapping=told)
    client.hset(SINKS, "copy:parks", 1)
    page = operator.get("/").text
    expected = (
        "the consent to read the mailbox of the poll alice was never given",
        "no controller of the operator nokia lives",
        "7 events of copy are parked on worker-3, where no worker runs",
    )
    said = examined(tmp_path, valkey.url)
    for what in expected:
        assert what in said
        assert what in page
    assert "no `receiver poll` looks after the poll alice" in said
    assert "no <code>receiver poll</code> looks after the poll alice" in page
    assert "`receiver" not in page
    assert "erased from a spool; <code>receiver erase</code>" in operator.get("/ledger").text
    assert "environment variable" not in page
    assert "RECEIVER_SECRET_KEYS" not in page


def test_a_consent_that_was_given_is_not_missed(operator: TestClient, valkey: Valkey) -> None:
    client: Any = valkey.client()
    now = int(time.time())
    given = Consent(secret="x", given=now, ends=now + 60 * 86_400)
    client.hset(CONSENTS, "alice", msgspec.json.encode(given))
    client.hset(poll_state("alice"), mapping={"seen": now})
    page = operator.get("/").text
    assert "the consent to read" not in page
    assert "looks after the poll" not in page
