"""A simulated operator and a sink, each in a thread, for clients and tests to talk to."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from receiver.simulate.operator import app
from receiver.simulate.operator.scenario import Scenario
from tests.support.commands import free_port
from tests.support.eventually import eventually
from tests.support.sent_requests import Sent, recording

PHONE = "+12065550100"
API = "device-reachability-status-subscriptions"
DATA = f"org.camaraproject.{API}.v0.reachability-data"
DISCONNECTED = f"org.camaraproject.{API}.v0.reachability-disconnected"
V08 = f"/{API}/v0.8/subscriptions"


def in_(seconds: float) -> str:
    """A time from now, as CAMARA writes it."""
    when = datetime.now(UTC) + timedelta(seconds=seconds)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def asked(sink: str, event_type: str = DATA, **config: Any) -> dict[str, Any]:
    """A request for a subscription, 0.6 and later."""
    return {
        "protocol": "HTTP",
        "sink": sink,
        "sinkCredential": {
            "credentialType": "ACCESSTOKEN",
            "accessToken": "a-token-for-the-sink",
            "accessTokenExpiresUtc": in_(86_400),
            "accessTokenType": "bearer",
        },
        "types": [event_type],
        "config": {"subscriptionDetail": {"device": {"phoneNumber": PHONE}}, **config},
    }


class Simulated:
    """A running operator; requests carry a token of its own unless they say otherwise."""

    def __init__(self, url: str, sent: list[Sent]) -> None:
        self.url = url
        self.sent = sent
        """What our own client has sent to it."""
        self.http = httpx2.Client(base_url=url, trust_env=False, timeout=60)

    def control(self, route: str, **order: Any) -> Any:
        """Make something happen."""
        answer = self.http.post(f"/_control/{route}", json=order)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def token(self, **order: Any) -> dict[str, str]:
        """The header of a new access token."""
        return {"authorization": f"Bearer {self.control('tokens', **order)['access_token']}"}

    def request(self, method: str, path: str, **more: Any) -> httpx2.Response:
        """Ask as a client that is admitted."""
        headers = more.pop("headers", None)
        return self.http.request(method, path, headers=headers or self.token(), **more)

    def create(self, body: dict[str, Any], path: str = V08) -> Any:
        """A new subscription."""
        answer = self.request("POST", path, json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def books(self) -> Any:
        """Its books."""
        return self.http.get("/_books").json()


class Sink:
    """Takes notifications and remembers them; answers what `answer` says, once all of `first` was
    answered.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.first: list[tuple[int, dict[str, str]]] = []
        self.answer: tuple[int, dict[str, str]] = (204, {})
        self.events: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []

    async def take(self, request: Request) -> Response:
        self.headers.append(dict(request.headers))
        self.events.append(await request.json())
        status, headers = self.first.pop(0) if self.first else self.answer
        return Response(status_code=status, headers=headers)

    def words(self) -> list[str]:
        """The last words of the events' types, in order."""
        return [event["type"].rpartition(".")[2] for event in self.events]

    def seen(self, *words: str) -> list[dict[str, Any]]:
        """The events, once they are these and in this order."""
        eventually(lambda: len(self.events) >= len(words))
        assert self.words() == list(words)
        return self.events


@contextmanager
def serving(server: uvicorn.Server) -> Iterator[None]:
    """Run a server in a thread."""
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        eventually(lambda: server.started or not thread.is_alive())
        assert server.started
        yield
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def simulated(
    scenario: Scenario | None = None, *, around: Callable[[ASGIApp], ASGIApp] = lambda app: app
) -> Iterator[Simulated]:
    """A running operator; `around` may change what it answers."""
    port, sent = free_port(), list[Sent]()
    server = app.server(scenario or Scenario(), "127.0.0.1", port)
    server.config.app = recording(around(cast(ASGIApp, server.config.app)), sent)
    with serving(server):
        operator = Simulated(f"http://127.0.0.1:{port}", sent)
        try:
            yield operator
        finally:
            operator.http.close()


@contextmanager
def listening() -> Iterator[Sink]:
    """A running sink."""
    port = free_port()
    sink = Sink(f"http://127.0.0.1:{port}/events")
    routes = [Route("/{path:path}", sink.take, methods=["POST"])]
    config = uvicorn.Config(
        Starlette(routes=routes), port=port, log_config=None, ws="none", lifespan="off"
    )
    with serving(uvicorn.Server(config)):
        yield sink
