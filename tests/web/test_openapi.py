"""The document at `/openapi.json` is true of the running receiver."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from receiver.carriers import CALLBACKS
from receiver.config.settings import load
from receiver.web.app import build
from tests.support.bounds import seconds_of
from tests.support.running import TOKEN, Receiver
from tests.support.valkey import Valkey


def described(receiver: Receiver) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(receiver.get("/openapi.json").data)
    return found


def test_every_route_is_described(receiver: Receiver) -> None:
    app = build(load({"REDIS_URL": receiver.valkey.url}))
    routes = {route.path for route in app.routes if hasattr(route, "path")}
    for callback in CALLBACKS:
        routes |= {callback.path, callback.path + "/{listener}"}
    assert set(described(receiver.start_web())["paths"]) == routes


def test_asking_often_takes_little_time_of_the_process(receiver: Receiver) -> None:
    """It needs no credential, and no notification is answered meanwhile."""
    web = receiver.start_web().web
    assert web
    first = receiver.get("/openapi.json")
    begun = seconds_of(web.pid)
    assert {receiver.get("/openapi.json").data for _ in range(300)} == {first.data}
    assert first.headers["content-type"] == "application/json"
    assert seconds_of(web.pid) - begun < 1


EXAMPLES = "50" if os.environ.get("FUZZ") else "4"
"""Per route and kind of fault: `make fuzz` has the longer run."""

CONFIG = """
[handshake]
origins = ["events.example.com"]
[[listener]]
name = "promo"
"""


@pytest.mark.parametrize("config", ["", CONFIG], ids=["as installed", "configured"])
def test_a_tool_that_reads_it_finds_no_answer_that_is_not_in_it(
    valkey: Valkey, tmp_path: Path, config: str
) -> None:
    (tmp_path / "receiver.toml").write_text(config)
    receiver = Receiver(valkey, tmp_path)
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", "--no-color"]
    command += [f"{receiver.url}/openapi.json", "-H", f"Authorization: Bearer {TOKEN}"]
    command += ["--checks", "all", "--max-examples", EXAMPLES, "--generation-deterministic"]
    command += ["--suppress-health-check", "all"]
    try:
        receiver.start_web()
        found = subprocess.run(
            command, cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=False
        )
        assert found.returncode == 0, found.stdout[-9000:] + found.stderr
        assert "Traceback" not in receiver.log.read_text()
    finally:
        receiver.stop()
