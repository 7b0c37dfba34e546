"""Of polled devices: whose time an event has, and what is no change."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.polling import Polled
from tests.support.valkey import Valkey

LONG_AGO, NOW = "2026-03-01T00:00:00Z", "2026-03-09T12:00:00Z"


class Operator(ThreadingHTTPServer):
    """Answers both status queries with what a test says."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), type("_Handler", (_Handler,), {"operator": self}))
        self.reachability: dict[str, Any] = {"reachable": True, "connectivity": ["DATA", "SMS"]}
        self.roaming: dict[str, Any] = {"roaming": False}


class _Handler(BaseHTTPRequestHandler):
    operator: Operator

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        said = self.operator.roaming if "roaming" in self.path else self.operator.reachability
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def operator() -> Iterator[Operator]:
    with Operator() as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield found
        found.shutdown()


@pytest.fixture
def polled(valkey: Valkey, tmp_path: Path, operator: Operator) -> Polled:
    url = f"http://127.0.0.1:{operator.server_port}"
    toml = f"""
[[operator]]
name = "op"
status = "{url}/device-reachability-status/v1"
roaming_status = "{url}/device-roaming-status/v1"
auth = {{ kind = "headers", headers_env = {{ x-key = "KEY" }} }}
[[poll]]
name = "promo"
kind = "camara-device"
operator = "op"
devices = ["+12065550100"]
"""
    polled = Polled(valkey, tmp_path, toml)
    polled.more["KEY"] = "k"
    return polled


def test_a_change_has_the_time_that_its_own_answer_names(
    polled: Polled, operator: Operator
) -> None:
    operator.reachability["lastStatusTime"] = LONG_AGO
    polled.once()
    operator.roaming = {"roaming": True, "lastStatusTime": NOW}
    polled.once()
    (event,) = polled.events()
    assert (event["type"], event["time"]) == ("device.roaming.changed.v1", NOW)
    assert event["timebasis"] == "sender"


def test_a_change_whose_answer_names_no_time_has_that_of_the_receipt(
    polled: Polled, operator: Operator
) -> None:
    operator.roaming["lastStatusTime"] = LONG_AGO
    polled.once()
    operator.reachability = {"reachable": False}
    polled.once()
    (event,) = polled.events()
    assert (event["type"], event["timebasis"]) == ("device.reachability.changed.v1", "receipt")
    assert event["data"]["raw"]["status"]["lastStatusTime"] is None


def test_the_same_in_another_order_is_no_change(polled: Polled, operator: Operator) -> None:
    operator.roaming = {"roaming": True, "countryCode": 340, "countryName": ["GP", "MQ"]}
    polled.once()
    operator.reachability["connectivity"] = ["SMS", "DATA"]
    operator.roaming["countryName"] = ["MQ", "GP"]
    assert polled.once().outcome == "empty"
    operator.reachability["connectivity"] = ["SMS"]
    assert polled.once().outcome == "messages"
    assert [event["data"]["connectivity"] for event in polled.events()] == [["SMS"]]
