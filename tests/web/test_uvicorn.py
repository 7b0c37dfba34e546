import asyncio
import inspect
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import uvicorn
from packaging.requirements import Requirement
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.server import ServerState
from uvicorn.supervisors import Multiprocess

ROOT = Path(__file__).parents[2]
WIRED = {
    HttpToolsProtocol: {
        "connection_made": ["self", "transport"],
        "connection_lost": ["self", "exc"],
        "eof_received": ["self"],
        "data_received": ["self", "data"],
        "send_400_response": ["self", "msg"],
        "on_message_begin": ["self"],
        "on_headers_complete": ["self"],
        "on_body": ["self", "body"],
        "on_message_complete": ["self"],
        "on_response_complete": ["self"],
        "_start_asgi_task": ["self", "cycle", "app"],
        "shutdown": ["self"],
    },
    RequestResponseCycle: {
        "run_asgi": ["self", "app"],
        "receive": ["self"],
        "send": ["self", "message"],
        "__init__": [
            "self", "scope", "transport", "flow", "logger", "access_logger", "access_log",
            "default_headers", "message_event", "expect_100_continue", "keep_alive", "on_response",
        ],
    },
    FlowControl: {"pause_reading": ["self"], "resume_reading": ["self"]},
    Multiprocess: {"handle_int": ["self"], "join_all": ["self"]},
}  # fmt: skip
"""What `receiver/web` overrides or calls, and what it is called with."""


@pytest.mark.parametrize(
    ("owner", "name"), [(owner, name) for owner, names in WIRED.items() for name in names]
)
def test_uvicorn_s_methods_take_what_the_protocol_gives_and_overrides(
    owner: type, name: str
) -> None:
    assert list(inspect.signature(getattr(owner, name)).parameters) == WIRED[owner][name]


async def _nothing(_scope: object, _receive: object, _send: object) -> None:
    """An application that is never called."""


@pytest.fixture
def protocol() -> HttpToolsProtocol:
    loop = asyncio.new_event_loop()
    loop.close()
    return HttpToolsProtocol(uvicorn.Config(_nothing, log_config=None), ServerState(), {}, loop)


def test_a_connection_of_uvicorn_has_the_fields_that_the_protocol_uses(
    protocol: HttpToolsProtocol,
) -> None:
    protocol.on_message_begin()
    used = {"app", "loop", "parser", "transport", "flow", "cycle", "connections", "pipeline"}
    assert used | {"headers", "url", "server_state", "timeout_keep_alive"} <= set(vars(protocol))
    assert {"total_requests", "connections", "tasks"} <= set(vars(protocol.server_state))
    assert protocol.connections is protocol.server_state.connections
    assert protocol.headers is protocol.scope["headers"]


def test_a_request_of_uvicorn_has_the_fields_that_the_protocol_uses() -> None:
    given = dict.fromkeys(WIRED[RequestResponseCycle]["__init__"][1:])
    cycle = vars(RequestResponseCycle(**given))  # type: ignore[arg-type]
    assert cycle["body"] in (b"", bytearray())
    flags = ("disconnected", "response_started", "response_complete", "waiting_for_100_continue")
    assert {flag: cycle[flag] for flag in flags} == {**dict.fromkeys(flags, False), flags[3]: None}
    assert cycle["more_body"] is True
    assert {"scope", "keep_alive", "message_event", "default_headers"} <= set(cycle)


def test_what_the_protocol_writes_itself_is_as_uvicorn_has_it() -> None:
    assert STATUS_LINE[204] == b"HTTP/1.1 204 No Content\r\n"
    assert HIGH_WATER_LIMIT == 65536


def test_uvicorn_stays_below_the_next_minor_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    [wanted] = [
        found for one in project["dependencies"] if (found := Requirement(one)).name == "uvicorn"
    ]
    major, minor, *_ = version("uvicorn").split(".")
    assert version("uvicorn") in wanted.specifier
    assert f"{major}.{int(minor) + 1}.0" not in wanted.specifier
