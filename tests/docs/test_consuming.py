"""The page for consumers, run word by word."""

import base64
import hmac
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import urllib3
from rq import Queue
from rq.serializers import JSONSerializer
from standardwebhooks import Webhook

from receiver.carriers import CALLBACKS
from receiver.contract.records import Notification
from receiver.contract.redis_keys import EVENTS
from receiver.simulate.samples import SAMPLES, build
from tests.support.commands import free_port
from tests.support.eventually import eventually
from tests.support.valkey import Valkey
from workers.normalise.cloudevent import claim

PAGE = (Path(__file__).parents[2] / "docs/consuming.md").read_text("utf-8")
SNIPPETS = dict(re.findall(r"<!-- snippet: (\S+) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL))
EVENTS_SHOWN = dict(re.findall(r"<!-- event: (\S+) -->\n```json\n(.*?)```", PAGE, re.DOTALL))
SECRET = "whsec_" + "c2VjcmV0LW9mLWEtdGVzdC10aGF0LWlzLWxvbmc="
OTHER = "whsec_" + "YW5vdGhlci1zZWNyZXQtb2YtYS10ZXN0LWxvbmc="
NODE = shutil.which("node")

Post = Callable[..., int]


def event(name: str) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(EVENTS_SHOWN["mo"])
    return shown | {"id": name}


def handled(directory: Path) -> list[str]:
    both = "SELECT event_id, (SELECT count(*) FROM messages) FROM handled ORDER BY handled.rowid"
    with closing(sqlite3.connect(directory / "handled.db", timeout=60)) as database:
        rows = database.execute(both).fetchall()
    assert all(messages == len(rows) for _, messages in rows)
    return [name for name, _ in rows]


@contextmanager
def copied(
    directory: Path, command: list[str], **environ: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """One of the page's commands, running beside its files; Ctrl-C ends a program."""
    for name, text in SNIPPETS.items():
        (directory / name).write_text(text)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    told = {"PATH": path, "HOME": str(directory), "PYTHONPATH": str(directory)} | environ
    errors = directory / "errors"
    with (
        errors.open("wb") as stderr,
        subprocess.Popen(
            command, cwd=directory, env=told, process_group=0, stderr=stderr
        ) as process,
    ):
        try:
            yield process
            if command[0] == sys.executable:
                process.send_signal(signal.SIGINT)
                assert process.wait(60) in (0, -signal.SIGINT)
                assert "Traceback" not in errors.read_text()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("options", ["", "?protocol=3"])
def test_the_stream_consumer_handles_each_event_once_and_acknowledges_it(
    valkey: Valkey, tmp_path: Path, options: str
) -> None:
    client = valkey.client()
    for name in ("one", "two", "one", "three"):
        client.xadd(EVENTS, {"event": json.dumps(event(name))})
    with copied(tmp_path, [sys.executable, "consumer.py"], REDIS_URL=valkey.url + options):
        eventually(lambda: _all_acknowledged(valkey))
    assert handled(tmp_path) == ["one", "two", "three"]


def test_the_stream_consumer_takes_over_what_a_dead_one_left(
    valkey: Valkey, tmp_path: Path
) -> None:
    client = valkey.client()
    client.xgroup_create(EVENTS, "billing", id="0", mkstream=True)
    client.xadd(EVENTS, {"event": json.dumps(event("left"))})
    client.xreadgroup("billing", "dead", {EVENTS: ">"})
    environ = {"REDIS_URL": valkey.url, "TAKE_OVER_MILLISECONDS": "1"}
    with copied(tmp_path, [sys.executable, "consumer.py"], **environ):
        eventually(lambda: _all_acknowledged(valkey))
    assert handled(tmp_path) == ["left"]


def test_a_plain_rq_worker_runs_the_function_with_the_event(valkey: Valkey, tmp_path: Path) -> None:
    queue = Queue("crm", connection=valkey.client(), serializer=JSONSerializer)
    for name in ("one", "two"):
        queue.enqueue("handling.handle", event(name), job_id=name)
    queue.enqueue("handling.handle", event("one"), job_id="one-again")
    with copied(tmp_path, ["/bin/sh", "rq-worker"], REDIS_URL=valkey.url):
        eventually(lambda: len(queue.finished_job_registry) == 3)
    assert handled(tmp_path) == ["one", "two"]


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


@pytest.mark.parametrize("name", SAMPLES)
def test_the_page_shows_every_type_with_all_its_fields(name: str) -> None:
    sample = build(name)
    callback = next(one for one in CALLBACKS if one.path == sample.path)
    notification = Notification(
        callback.name, "promo", "receipt", 1, sample.content_type, sample.body
    )
    [said] = callback.normalise(notification, ZoneInfo("UTC"))
    real = json.loads(claim(callback, notification, said, 0).document)
    if name in EVENTS_SHOWN:
        shown = json.loads(EVENTS_SHOWN[name])
        for attribute in ("type", "identitybasis", "timebasis"):
            assert shown[attribute] == real[attribute]
        assert set(shown) == set(real)
        assert list(shown["data"]) == list(real["data"])
    assert f"`{real['type']}`" in PAGE
    assert [field for field in real["data"] if f"`{field}`" not in PAGE and field != "raw"] == []


def test_every_event_on_the_page_is_one_of_our_samples() -> None:
    assert EVENTS_SHOWN
    assert set(EVENTS_SHOWN) <= set(SAMPLES)


def _all_acknowledged(valkey: Valkey) -> bool:
    found: Any = valkey.client().xinfo_groups(EVENTS)
    return [(one["lag"], one["pending"]) for one in found] == [(0, 0)]


def until_listening(process: "subprocess.Popen[bytes]", port: int) -> None:
    """One of the page's endpoints is there; if it ended instead, that is said at once."""
    eventually(lambda: process.poll() is not None or _listens(port))
    assert process.poll() is None, process.args


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
