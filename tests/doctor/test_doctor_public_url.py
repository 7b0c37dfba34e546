"""`receiver doctor` asks `public_url` as an operator would, and says where it leads elsewhere."""

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from receiver.config.settings import load
from receiver.doctor.public_url import check_public_url
from tests.support.commands import free_port
from tests.support.running import Receiver
from tests.support.subscribing import TOML
from tests.support.wired import serving

PUBLIC = "https://hooks.example.com"


def findings(directory: Path, url: str) -> list[str]:
    (directory / "receiver.toml").write_text(TOML.replace(PUBLIC, url))
    settings = load({"RECEIVER_CONFIG": str(directory / "receiver.toml")})
    return [each.what for each in check_public_url(settings)]


def test_a_url_that_leads_to_the_receiver_is_no_finding(receiver: Receiver, tmp_path: Path) -> None:
    receiver.start_web()
    assert findings(tmp_path, receiver.url) == []
    assert findings(tmp_path, f"{receiver.url}/behind") == [
        f"{receiver.url}/behind/camara/notifications/default does not lead to the receiver: "
        "OPTIONS is answered 404, without Allow: POST"
    ]


@pytest.mark.parametrize("status", [200, 302, 403, 502])
def test_another_server_is_told_from_the_receiver(tmp_path: Path, status: int) -> None:
    async def answer(_: object) -> PlainTextResponse:
        return PlainTextResponse("<html>", status, {"location": "http://127.0.0.1:9/"})

    other = Starlette(routes=[Route("/{path:path}", answer, methods=["OPTIONS", "GET"])])
    with serving(other, lifespan="off") as port:
        [said] = findings(tmp_path, f"http://127.0.0.1:{port}")
    assert said.endswith(f"OPTIONS is answered {status}, without Allow: POST")


def test_a_url_at_which_nobody_answers_is_named(tmp_path: Path) -> None:
    [said] = findings(tmp_path, f"http://127.0.0.1:{free_port()}")
    assert said.endswith("does not lead to the receiver: no connection")


def test_without_subscriptions_nothing_is_asked(tmp_path: Path) -> None:
    (tmp_path / "receiver.toml").write_text(f'public_url = "{PUBLIC}"\n')
    settings = load({"RECEIVER_CONFIG": str(tmp_path / "receiver.toml")})
    assert list(check_public_url(settings)) == []
