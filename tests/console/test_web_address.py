"""A console that was not told finds the web process of its machine: under a Procfile runner, say,
each has a PORT of its own.
"""

import pytest
from starlette.testclient import TestClient

from receiver.contract.redis_keys import WEB_PORT
from receiver.operations import web_address
from tests.console.conftest import OURS
from tests.support.eventually import eventually
from tests.support.running import Receiver
from tests.support.valkey import Valkey


@pytest.fixture
def web() -> str:
    """Nobody named it."""
    return ""


def test_a_sample_goes_where_the_web_process_said_that_it_listens(
    operator: TestClient, receiver: Receiver
) -> None:
    assert "http://127.0.0.1:8080/att/sms/mo" in operator.get("/").text
    receiver.start_web()
    base = f"http://127.0.0.1:{receiver.port}"
    assert f"{base}/att/sms/mo" in operator.get("/listeners/default").text
    assert operator.post("/sample", headers=OURS).status_code == 303
    assert receiver.books().accepted == 1


def test_while_redis_is_gone_the_page_shows_what_it_knew(
    operator: TestClient, valkey: Valkey
) -> None:
    valkey.client().set(WEB_PORT, 5000)
    assert "http://127.0.0.1:5000/att" in operator.get("/listeners/default").text
    assert operator.get("/").status_code == 200
    valkey.kill()
    page = eventually(lambda: operator.get("/"))
    assert page.status_code == 200
    assert "http://127.0.0.1:5000/att" in page.text


@pytest.mark.parametrize("value", [b"", b"http://evil.example", b"\xff", b"-1", b"9" * 400])
def test_what_somebody_else_wrote_there_is_no_port(valkey: Valkey, value: bytes) -> None:
    valkey.client().set(WEB_PORT, value)
    assert web_address.said_url(valkey.client()) == "http://127.0.0.1:8080"
    valkey.client().delete(WEB_PORT)
    valkey.client().rpush(WEB_PORT, value)
    assert web_address.said_url(valkey.client()) == "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    ("host", "says"),
    [("127.0.0.1", 5000), ("0.0.0.0", 5000), ("10.1.2.3", 8080), ("::1", 8080)],  # noqa: S104
)
def test_a_web_process_says_its_port_where_this_machine_reaches_it(
    valkey: Valkey, host: str, says: int
) -> None:
    web_address.say_port(valkey.client(), host, 5000)
    assert web_address.said_url(valkey.client()) == f"http://127.0.0.1:{says}"
