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
        self.roaming_status = 200


class _Handler(BaseHTTPRequestHandler):
    operator: Operator

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        roaming = "roaming" in self.path
        said = self.operator.roaming if roaming else self.operator.reachability
        body = json.dumps(said).encode()
        self.send_response(self.operator.roaming_status if roaming else 200)
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


def configured(valkey: Valkey, directory: Path, urls: str) -> Polled:
    toml = f"""
[[operator]]
name = "op"
{urls}
auth = {{ kind = "headers", headers_env = {{ x-key = "KEY" }} }}
[[poll]]
name = "promo"
kind = "camara-device"
operator = "op"
devices = ["+12065550100"]
"""
    polled = Polled(valkey, directory, toml)
    polled.more["KEY"] = "k"
    return polled


@pytest.fixture
def polled(valkey: Valkey, tmp_path: Path, operator: Operator) -> Polled:
    url = f"http://127.0.0.1:{operator.server_port}"
    apis = {"status": "device-reachability-status", "roaming_status": "device-roaming-status"}
    urls = "\n".join(f'{key} = "{url}/{api}/v1"' for key, api in apis.items())
    return configured(valkey, tmp_path, urls)


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


def test_where_a_device_roams_is_still_known_when_that_is_not_answered_for_once(
    valkey: Valkey, tmp_path: Path, operator: Operator
) -> None:
    base = f"http://127.0.0.1:{operator.server_port}/camara/device-status/v1"
    att = configured(valkey, tmp_path, f'status = "{base}"')
    operator.reachability = {"connectivityStatus": "CONNECTED_DATA", "roaming": True}
    operator.roaming = {"roaming": True, "countryCode": 208, "countryName": ["FR"]}
    att.once()
    operator.roaming_status = 503
    assert att.once().outcome == "empty"
    operator.roaming_status = 200
    assert att.once().outcome == "empty"
    operator.roaming_status, operator.reachability["roaming"] = 503, False
    assert att.once().outcome == "messages"
    operator.reachability |= {"roaming": True, "lastStatusTime": NOW}
    assert att.once().outcome == "messages"
    told = [(event["data"]["roaming"], event["timebasis"]) for event in att.events()]
    assert told == [(False, "receipt"), (True, "sender")]
