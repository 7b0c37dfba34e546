"""How a web process is put together, starts and ends."""

import asyncio
import json
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvicorn
from jsonschema import Draft202012Validator

from receiver.carriers import CALLBACKS
from receiver.config.settings import SettingsError, load
from receiver.web import open_files, openapi
from receiver.web.app import build
from receiver.web.processes import Processes
from receiver.web.server import serve
from tests.support.commands import environment
from tests.support.running import TOKEN
from tests.support.valkey import Valkey

METHODS = ("get", "post")


def test_without_an_address_of_redis_nothing_is_built() -> None:
    with pytest.raises(SettingsError, match="REDIS_URL is not set"):
        build(load({"RECEIVER_BEARER_TOKENS": TOKEN}))


def test_a_server_that_could_not_start_ends_with_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_files, "raise_limit", lambda _most: None)
    monkeypatch.setattr(uvicorn.Server, "run", lambda _self: None)
    with pytest.raises(SystemExit) as ended:
        serve(load({"REDIS_URL": "redis://localhost", "RECEIVER_BEARER_TOKENS": TOKEN}))
    assert ended.value.code == 3


@pytest.mark.parametrize("spool", [False, True])
def test_when_it_ends_none_of_its_tasks_is_left(
    valkey: Valkey, tmp_path: Path, *, spool: bool
) -> None:
    environ = {"REDIS_URL": valkey.url, "RECEIVER_BEARER_TOKENS": TOKEN}
    if spool:
        environ["RECEIVER_SPOOL_DIR"] = str(tmp_path)
    left: list[Any] = ["it did not end"]

    async def live() -> None:
        app = build(load(environ))
        async with app.router.lifespan_context(app):
            assert len(asyncio.all_tasks()) > 1
        left[:] = asyncio.all_tasks() - {asyncio.current_task()}

    # Not in the main thread, whose signals are the test's own.
    thread = threading.Thread(target=lambda: asyncio.run(live()))
    thread.start()
    thread.join()
    assert left == []


def test_a_carrier_that_says_nothing_of_its_bodies_is_described_all_the_same() -> None:
    silent = msgspec.structs.replace(CALLBACKS[0], content={})
    route = openapi.document([silent], [], load({}))["paths"][silent.path]["post"]
    assert route["requestBody"]["content"] == {"*/*": {}}


@pytest.mark.parametrize(
    ("path", "content_type"), [("/healthz", "application/json"), ("/metrics", "text/plain")]
)
def test_what_may_be_got_is_described_with_its_content_type(path: str, content_type: str) -> None:
    operation = openapi.document(CALLBACKS, [path], load({}))["paths"][path]["get"]
    assert list(operation["responses"]["200"]["content"]) == [content_type]


def test_each_operation_is_described_by_a_summary() -> None:
    paths = openapi.document(CALLBACKS, ["/healthz", "/metrics"], load({}))["paths"]
    operations = [path[method] for path in paths.values() for method in path if method in METHODS]
    assert len(operations) > len(CALLBACKS)
    assert all(one["summary"] for one in operations)


def test_the_schemas_of_refusals_say_what_each_of_their_values_is() -> None:
    schemas = openapi.document(CALLBACKS, [], load({}))["components"]["schemas"]
    for schema in (schemas["Problem"], schemas["ErrorInfo"]):
        for name, described in schema["properties"].items():
            assert not Draft202012Validator(described).is_valid([]), name


def test_the_id_of_a_receipt_is_described_as_a_text() -> None:
    path = openapi.document(CALLBACKS, [], load({}))["paths"][CALLBACKS[0].path]
    described = path["post"]["responses"]["204"]["headers"]["X-Receipt-Id"]
    assert described["required"]
    assert not Draft202012Validator(described["schema"]).is_valid([])


def test_the_supervisor_waits_for_its_processes_until_a_second_signal() -> None:
    done: list[str] = []

    class Process:
        def is_alive(self) -> bool:
            return "killed" not in done

        def join(self, _seconds: float) -> None:
            done.append("waited")
            if done.count("waited") == 3:
                supervisor.signal_queue.append(signal.SIGTERM)

        def kill(self) -> None:
            done.append("killed")

    Process.process = property(lambda self: self)  # type: ignore[attr-defined]
    supervisor: Any = Processes.__new__(Processes)
    supervisor.processes, supervisor.signal_queue = [Process()], []
    supervisor.join_all()
    assert done == ["waited"] * 3 + ["killed"]


def test_each_of_several_web_processes_logs_json_lines() -> None:
    # uvicorn starts each afresh: what the command configured holds in none of them.
    lines = "from receiver.web.app import create; create()\n"
    lines += "import structlog; structlog.get_logger().warning('web.said', count=1)"
    ended = subprocess.run(
        [sys.executable, "-c", lines],
        env=environment(REDIS_URL="redis://localhost", RECEIVER_BEARER_TOKENS=TOKEN),
        capture_output=True,
        check=True,
    )
    printed = [json.loads(line) for line in ended.stderr.splitlines()]
    assert [(one["event"], one["level"]) for one in printed] == [("web.said", "warning")]
    assert ended.stdout == b""
