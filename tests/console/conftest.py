"""A console in this process, before a real Valkey, as a browser would speak to it."""

from collections.abc import Iterator

import msgspec
import pytest
from starlette.testclient import TestClient

from receiver.config.settings import Settings
from receiver.console import sessions
from receiver.console.app import create
from receiver.console.pages import ROUTES
from receiver.console.sessions import Link
from tests.support.valkey import Valkey

PORT = 8090
BASE = f"http://127.0.0.1:{PORT}"
OURS = {"sec-fetch-site": "same-origin"}
"""What a browser says of a form of our own page."""
CLICK = {"sec-fetch-site": "none", "sec-fetch-dest": "document"}
"""What a browser says of an address that somebody typed or opened."""


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
def web() -> str:
    """Where the web process would be."""
    return "http://127.0.0.1:1"


@pytest.fixture
def stranger(valkey: Valkey, settings: Settings, web: str) -> Iterator[TestClient]:
    """Somebody without a session."""
    own = msgspec.structs.replace(settings, port=PORT)
    app = create(own, valkey.client(), ROUTES, web)
    with TestClient(app, base_url=BASE, follow_redirects=False) as client:
        yield client


def sign_in(client: TestClient, valkey: Valkey, link: Link) -> TestClient:
    token = sessions.make_link(valkey.client(), link)
    assert client.get(f"/login?token={token}", headers=CLICK).status_code == 303
    return client


@pytest.fixture
def operator(stranger: TestClient, valkey: Valkey) -> TestClient:
    return sign_in(stranger, valkey, Link("ada", "operator"))


@pytest.fixture
def viewer(stranger: TestClient, valkey: Valkey) -> TestClient:
    return sign_in(stranger, valkey, Link("bob", "viewer"))
