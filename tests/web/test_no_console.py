"""The console is never reachable through the web process, which networks reach."""

import pytest
from starlette.testclient import TestClient

from receiver.config.settings import load
from receiver.console.pages import ROUTES
from receiver.web.app import build
from tests.support.running import TOKEN
from tests.support.valkey import Valkey

PATHS = sorted({route.path.format(name="billing", id="1-1", token="t") for route in ROUTES})
PATHS += ["/console", "/static/console.css", "/static/vendor/htmx.min.js", "//login", "/%6cogin"]


@pytest.fixture
def web(valkey: Valkey) -> TestClient:
    """The web process' application, asked with a valid token and as a browser would."""
    settings = load({"REDIS_URL": valkey.url, "RECEIVER_BEARER_TOKENS": TOKEN})
    headers = {"authorization": f"Bearer {TOKEN}", "cookie": "receiver-console=x"}
    return TestClient(build(settings), headers=headers, follow_redirects=False)


def test_no_page_form_or_file_of_the_console_is_there(web: TestClient) -> None:
    assert {"/", "/login", "/live/stream", "/search", "/export/audit"} <= {*PATHS}
    nowhere = web.get("/no-such-address")
    assert nowhere.status_code == 404
    for path in PATHS:
        for method in ("GET", "POST"):
            answer = web.request(method, path, headers={"sec-fetch-site": "same-origin"})
            assert (answer.status_code, answer.content) == (404, nowhere.content), (method, path)
            assert answer.headers.keys() == nowhere.headers.keys(), (method, path)
