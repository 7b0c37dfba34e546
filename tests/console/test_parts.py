"""What asks for a part of its page never gets a whole page to put there."""

import pytest
from starlette.testclient import TestClient

from receiver.console import sessions
from receiver.console.app import COOKIE
from tests.support.valkey import Valkey

PART = {"hx-request": "true"}
PARTS = ("/?part=books", "/?part=work", "/charts", "/charts?as=table", "/tasks/0123456789abcdef")


@pytest.mark.parametrize("path", PARTS)
def test_once_the_session_has_ended_the_whole_page_goes_to_the_sign_in(
    operator: TestClient, valkey: Valkey, path: str
) -> None:
    sessions.end(valkey.client(), operator.cookies[COOKIE])
    answer = operator.get(path, headers=PART)
    assert (answer.headers["hx-redirect"], answer.text) == ("/login", "")
    assert operator.get(path).headers["location"] == "/login"


def test_of_a_task_that_is_gone_the_whole_page_is_loaded_anew(operator: TestClient) -> None:
    answer = operator.get("/tasks/0123456789abcdef", headers=PART)
    assert (answer.status_code, answer.headers["hx-refresh"]) == (404, "true")
    assert "hx-refresh" not in operator.get("/tasks/0123456789abcdef").headers


def test_what_cannot_be_read_is_said_by_the_whole_page(
    operator: TestClient, valkey: Valkey
) -> None:
    valkey.kill()
    try:
        answer = operator.get("/?part=books", headers=PART)
        assert (answer.status_code, answer.headers["hx-refresh"]) == (503, "true")
    finally:
        valkey.restart()
