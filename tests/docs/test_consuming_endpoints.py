"""The endpoints that the page for consumers shows, run word by word."""

import base64
import hmac
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import urllib3
from standardwebhooks import Webhook

from tests.support.commands import free_port
from tests.support.consuming_page import SECRET, copied, event, handled, until_listening

OTHER = "whsec_" + "YW5vdGhlci1zZWNyZXQtb2YtYS10ZXN0LWxvbmc="
NODE = shutil.which("node")

Post = Callable[..., int]


@pytest.fixture(params=["webhook.py", "webhook.mjs"])
def post(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Post]:
    """Posts to one of the page's endpoints; returns the status."""
    if request.param == "webhook.mjs" and not NODE:
        pytest.skip("there is no node on this machine")
    program = sys.executable if request.param == "webhook.py" else str(NODE)
    port = free_port()
    # As a file leaves it that somebody edited.
    environ = {"HOOK_PORT": str(port), "WEBHOOK_SECRETS": f"{OTHER} {SECRET} \n"}
    command = [program, request.param]
    with copied(tmp_path, command, **environ) as process, urllib3.PoolManager() as pool:
        until_listening(process, port)

        def send(body: bytes, **headers: str) -> int:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            url = f"http://127.0.0.1:{port}/events"
            return pool.request("POST", url, body=body, headers=names, retries=False).status

        yield send


def signed(body: bytes, *, secret: str = SECRET, at: datetime | None = None) -> dict[str, str]:
    at = at or datetime.now(UTC)
    return {
        "webhook_id": "an-id",
        "webhook_timestamp": str(int(at.timestamp())),
        "webhook_signature": Webhook(secret).sign("an-id", at, body.decode()),
    }


def signed_without_key(body: bytes, headers: dict[str, str]) -> str:
    """The signature that everybody can make."""
    content = f"{headers['webhook_id']}.{headers['webhook_timestamp']}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(b"", content, "sha256")).decode()


def test_an_endpoint_takes_what_is_signed_and_handles_it_once(post: Post, tmp_path: Path) -> None:
    body = json.dumps(event("one") | {"subject": "Ω"}, ensure_ascii=False).encode()
    for secret in (SECRET, OTHER, SECRET):
        assert post(body, **signed(body, secret=secret)) == 204
    batch = json.dumps([event("one"), event("two"), event("three")]).encode()
    assert post(batch, **signed(batch)) == 204
    two = signed(body) | {
        "webhook_signature": "v2,abc "
        + " ".join(signed(body, secret=secret)["webhook_signature"] for secret in (SECRET, OTHER))
    }
    assert post(body, **two) == 204
    if (tmp_path / "handled.db").exists():
        assert handled(tmp_path) == ["one", "two", "three"]


def test_an_endpoint_refuses_everything_else_and_never_fails(post: Post) -> None:
    body = json.dumps(event("one")).encode()
    good = signed(body)
    stale = datetime.now(UTC) - timedelta(minutes=6)
    for headers in (
        {},
        signed(body, secret="whsec_" + "d3Jvbmctc2VjcmV0LXdyb25nLXNlY3JldA=="),
        good | {"webhook_signature": signed_without_key(body, good)},
        signed(b"{}"),
        signed(body, at=stale),
        signed(body, at=datetime.now(UTC) + timedelta(minutes=6)),
        good | {"webhook_id": "another"},
        *(good | {"webhook_timestamp": t} for t in ("", "x", "nan", "inf", "-1", "9" * 400)),
        *(
            good | {"webhook_signature": s}
            for s in ("", "garbage", "v1,abc", "v1,", "v1", ",", " ", "v1,é", "v1,a,b", "v9,YQ==")
        ),
    ):
        assert post(body, **headers) == 401, headers
    assert post(b"\xff\xfe", **good) == 401
    assert post(body, **good) == 204


def test_an_endpoint_that_cannot_handle_an_event_asks_for_it_again(post: Post) -> None:
    assert post(b"not json", **signed(b"not json")) == 503


def test_an_endpoint_does_not_take_the_data_of_binary_mode_for_an_event(post: Post) -> None:
    data = json.dumps(event("one")["data"]).encode()
    assert [post(data, **signed(data)) for _ in range(2)] == [503, 503]


@pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("openssl")), reason="there is no curl or openssl"
)
def test_the_page_s_curl_sends_an_event_that_the_endpoint_takes(tmp_path: Path) -> None:
    port = free_port()
    environ = {"HOOK_PORT": str(port), "WEBHOOK_SECRETS": SECRET}
    environ["PORT"] = "1"  # the receiver's own, as somebody may have exported it
    with copied(tmp_path, [sys.executable, "webhook.py"], **environ) as process:
        until_listening(process, port)
        answer = subprocess.run(
            ["/bin/sh", "try.sh"],
            cwd=tmp_path,
            env=environ | {"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    assert answer.stdout.startswith("HTTP/1.1 204")
    assert [name[:4] for name in handled(tmp_path)] == ["try-"]
