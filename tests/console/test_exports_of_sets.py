"""The exports of subscription sets and of polls have what pages and commands say of them."""

import csv
import io
import json
from pathlib import Path

import msgspec
import pytest
from starlette.testclient import TestClient

from receiver.config.settings import Settings, load
from receiver.contract.redis_keys import SUBSCRIPTIONS
from receiver.subscriptions.slots import Slot, encode
from tests.support.command_line import here
from tests.support.valkey import Valkey

TOML = """
public_url = "https://hooks.example.com"
[[operator]]
name = "nokia"
reachability = "https://api.example.com/device-reachability-status-subscriptions/v0.8"
auth = { kind = "headers", headers_env = { x-rapidapi-key = "NAC_KEY" } }
[[subscription]]
name = "fleet"
operator = "nokia"
types = ["reachability-data"]
devices = ["+12065550100"]
[[poll]]
name = "promo"
kind = "att-inbox"
registration = "22627000"
base_url = "http://127.0.0.1:1"
client_id_env = "KEY"
client_secret_env = "KEY"
"""


SLOT = Slot(
    id="fleet:1",
    set="fleet",
    operator="nokia",
    listener="default",
    type="reachability-data",
    device={"phoneNumber": "+12065550100"},
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "receiver.toml").write_text(TOML)
    return load({"RECEIVER_CONFIG": str(tmp_path / "receiver.toml")})


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_why_nobody_sees_to_a_set_is_in_the_file_too(viewer: TestClient, kind: str) -> None:
    why = "no controller runs: receiver worker"
    assert why in viewer.get("/subscriptions").text
    assert why in viewer.get(f"/export/subscriptions?format={kind}").text


def test_renewals_without_room_in_the_quota_are_told_as_the_command_tells_them(
    viewer: TestClient, valkey: Valkey, tmp_path: Path
) -> None:
    slot = msgspec.structs.replace(SLOT, no_room=True)
    valkey.client().hset(SUBSCRIPTIONS, slot.id, encode(slot))
    told = here(tmp_path, "subscriptions", "list", terminal=True, REDIS_URL=valkey.url).out
    assert "no room in the quota" in " ".join(told.split())
    assert "1 renewal finds no room in the quota" in viewer.get("/subscriptions").text
    head, row = csv.reader(io.StringIO(viewer.get("/export/subscriptions").text, newline=""))
    assert dict(zip(head, row, strict=True))["no_room"] == "1"


def test_a_poll_that_nobody_has_run_yet_has_its_kind(
    viewer: TestClient, valkey: Valkey, tmp_path: Path
) -> None:
    told = json.loads(here(tmp_path, "polls", "list", "--json", REDIS_URL=valkey.url).out)
    exported = json.loads(viewer.get("/export/polls?format=ndjson").text)
    assert exported == told
    assert exported["kind"] == "att-inbox"


def test_an_operator_that_is_not_reached_is_not_said_to_have_refused(
    viewer: TestClient, valkey: Valkey, tmp_path: Path
) -> None:
    slot = msgspec.structs.replace(SLOT, state="failing", failures=1, error="no connection")
    valkey.client().hset(SUBSCRIPTIONS, slot.id, encode(slot))
    told = here(tmp_path, "subscriptions", "list", terminal=True, REDIS_URL=valkey.url).out
    assert "1 x no connection" in " ".join(told.split())
    page = viewer.get("/subscriptions").text
    assert "1 x no connection" in page
    assert "refused" not in page
