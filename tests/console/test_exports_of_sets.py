"""The export of subscription sets has what their page says of them."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from receiver.config.settings import Settings, load

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
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "receiver.toml").write_text(TOML)
    return load({"RECEIVER_CONFIG": str(tmp_path / "receiver.toml")})


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_why_nobody_sees_to_a_set_is_in_the_file_too(viewer: TestClient, kind: str) -> None:
    why = "no controller runs: receiver worker"
    assert why in viewer.get("/subscriptions").text
    assert why in viewer.get(f"/export/subscriptions?format={kind}").text
