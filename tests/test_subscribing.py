"""The page on CAMARA subscriptions: its programs, against a network that is played here."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from typing import Any

import pytest
import urllib3
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from receiver.samples import build
from tests.commands import free_port
from tests.eventually import eventually
from tests.pages import snippet
from tests.running import TOKEN, Receiver

PAGE = "subscribing-camara.md"


class Network:
    """Takes subscriptions as CAMARA's API does (WIRE.md 1.8) and remembers them."""

    def __init__(self) -> None:
        self.port = free_port()
        self.subscriptions: list[dict[str, Any]] = []

    async def subscribe(self, request: Request) -> JSONResponse:
        asked = await request.json()
        self.subscriptions.append(asked)
        said = {name: asked[name] for name in ("protocol", "sink", "types", "config")}
        return JSONResponse(said | {"id": "a-subscription", "status": "ACTIVE"}, 201)

    def notify(self) -> int:
        """Send a notification as the one subscription wants it; the receiver's answer."""
        [asked] = self.subscriptions
        credential = asked["sinkCredential"]
        assert credential["credentialType"] == "ACCESSTOKEN"
        assert credential["accessTokenExpiresUtc"].startswith("2031-01-02T00:00:00")
        headers = {
            "authorization": f"Bearer {credential['accessToken']}",
            "content-type": "application/cloudevents+json",
        }
        with urllib3.PoolManager(retries=False) as pool:
            body = build("reachability").body
            return pool.request("POST", asked["sink"], body=body, headers=headers).status


@pytest.fixture
def network() -> Iterator[Network]:
    played = Network()
    app = Starlette(routes=[Route("/{path:path}", played.subscribe, methods=["POST"])])
    config = uvicorn.Config(app, port=played.port, log_config=None, ws="none", lifespan="off")
    with _serving(uvicorn.Server(config)):
        yield played


@contextmanager
def _serving(server: uvicorn.Server) -> Iterator[None]:
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        eventually(lambda: server.started)
        yield
    finally:
        server.should_exit = True
        thread.join()


def environ(network: Network, receiver: Receiver) -> dict[str, str]:
    url = f"http://127.0.0.1:{network.port}"
    return {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ} | {
        "CAMARA_URL": url,
        "CAMARA_TOKEN": "made-up",
        "NAC_URL": url,
        "NAC_TOKEN": "made-up",
        "SINK": f"{receiver.url}/camara/notifications/fleet",
        "SINK_TOKEN": TOKEN,
    }


def version() -> str:
    """Of `network-as-code`, which is nobody's dependency here; empty where it is not installed."""
    try:
        return metadata.version("network-as-code")
    except metadata.PackageNotFoundError:
        return ""


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl on this machine")
def test_the_request_of_the_page_brings_notifications_that_are_taken(
    network: Network, receiver: Receiver
) -> None:
    receiver.start_web()
    command = ["/bin/sh", "-eu", "-c", snippet(PAGE, "subscribe.sh")]
    subprocess.run(command, env=environ(network, receiver), check=True, timeout=60)
    assert network.notify() == 204


@pytest.mark.parametrize("major", ["8", "10"])
def test_nokia_s_packages_subscribe_so_that_notifications_are_taken(
    network: Network, receiver: Receiver, major: str
) -> None:
    if version().partition(".")[0] != major:
        pytest.skip(f"network-as-code {major} is not installed")
    receiver.start_web()
    command = [sys.executable, "-c", snippet(PAGE, f"nac{major}.py")]
    done = subprocess.run(
        command, env=environ(network, receiver), check=True, timeout=60, capture_output=True
    )
    assert done.stdout == b"a-subscription\n"
    assert network.notify() == 204
