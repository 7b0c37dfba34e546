"""What the steps of CAMARA's test definitions mean, for the simulated operator.

A request is sent when its answer is first asked for: their steps go on changing it after the one
that says it is sent. A subscription that exists is created in the same way.
"""

import re
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from receiver.simulate.operator.dialects import DIALECTS
from tests.support.camara import QUERIES, RELEASES, Definition, definition
from tests.support.eventually import eventually
from tests.support.operators import PHONE, Simulated, asked
from tests.support.running import Receiver

NOWHERE = "https://127.0.0.1:1/events"
DEVICE = {"phoneNumber": PHONE}
CORRELATOR = "b4333c46-49c0-4f62-80d7-f0ef930f1c46"
GERMANY = {"roaming": True, "country_code": 262, "country_name": ["DE"]}

Step = Callable[..., None]
STEPS: list[tuple[re.Pattern[str], Step]] = []


def step(*patterns: str) -> Callable[[Step], Step]:
    """Let a method stand for the steps with these texts."""

    def keep(function: Step) -> Step:
        STEPS.extend((re.compile(pattern), function) for pattern in patterns)
        return function

    return keep


class ReceiverSink:
    """A real receiver as the sink: what it publishes is what came with the right token."""

    def __init__(self, receiver: Receiver) -> None:
        self.url = f"{receiver.url}/camara/notifications/fleet"
        self._receiver = receiver
        self._before = len(receiver.events())

    @property
    def events(self) -> list[dict[str, Any]]:
        """The notifications of this scenario, as they came in."""
        return [event["data"]["raw"] for event in self._receiver.events()[self._before :]]


class World:
    """One scenario."""

    def __init__(self, operator: Simulated, sink: ReceiverSink) -> None:
        self.operator, self.sink = operator, sink
        self.headers: dict[str, str] = {}
        self.path = self.subject = self.operation = ""
        self.body: dict[str, Any] = {}
        self.wanted: dict[str, Any] = {}
        self.id = ""
        self._made: dict[str, Any] | None = None
        self._response: httpx2.Response | None = None
        self._event: dict[str, Any] | None = None

    def do(self, text: str) -> None:
        """Do what a step says; the first pattern that fits decides."""
        for pattern, function in STEPS:
            if found := pattern.fullmatch(text):
                function(self, *found.groups())
                return
        pytest.fail(f"nobody knows what this step means: {text}")

    @property
    def api(self) -> str:
        return self.path.split("/")[1]

    @property
    def types(self) -> tuple[str, ...]:
        return DIALECTS[self.api, "0.9"].types

    @property
    def definition(self) -> Definition:
        if self.path.endswith("retrieve"):
            return definition(QUERIES[f"{self.subject} vwip"])
        return definition(RELEASES[f"{self.subject} wip"])

    @property
    def made(self) -> Any:
        """The subscription that exists."""
        if self._made is None:
            wanted = self.wanted or asked(NOWHERE, self.types[0])
            self._made = self.operator.create(wanted, self.path)
        return self._made

    @property
    def response(self) -> httpx2.Response:
        """The answer, for which the request is sent."""
        if self._response is None:
            headers = self.headers | {"x-correlator": CORRELATOR}
            method, path, body = "POST", self.path, self.body
            if not self.operation.startswith(("create", "get")):
                method = "DELETE" if self.operation.startswith("delete") else "GET"
                if not self.operation.endswith("List"):
                    path = f"{path}/{self.id or self.made['id']}"
            sent: dict[str, Any] = {"json": body} if method == "POST" else {}
            self._response = self.operator.http.request(method, path, headers=headers, **sent)
        return self._response

    @property
    def event(self) -> Any:
        """The notification that the scenario is about: the last one."""
        if self._event is None:
            eventually(lambda: self.sink.events)
            self._event = self.sink.events[-1]
        return self._event

    def change(self, **state: Any) -> None:
        self.operator.control("devices", device=DEVICE, **state)

    def set_device(self, device: Any) -> None:
        """Put a device where this request has it; None takes it out."""
        place = self.body
        if "config" in place:
            place = place["config"]["subscriptionDetail"]
        place.pop("device", None)
        if device is not None:
            place["device"] = device


def value(document: Any, path: str) -> Any:
    """What a path such as `$.data.id` leads to; None where it leads nowhere."""
    for name in path.removeprefix("$.").split("."):
        document = document.get(name) if isinstance(document, dict) else None
    return document
