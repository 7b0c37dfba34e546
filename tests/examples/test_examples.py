"""The examples, run as their pages say, against a real Valkey, RQ and `receiver listen`."""

import base64
import hmac
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import urllib3
from rq import Queue
from rq.serializers import JSONSerializer

from receiver.config.settings import load
from receiver.contract.redis_keys import EVENTS
from receiver.events.webhook import key_of
from tests.support import published
from tests.support.commands import ROOT, environment, free_port, run
from tests.support.eventually import eventually
from tests.support.valkey import Valkey

EXAMPLES = ROOT / "examples"
SECRET = "whsec_" + "c2VjcmV0LW9mLWEtdGVzdC10aGF0LWlzLWxvbmc="
OTHER = "whsec_" + "YW5vdGhlci1zZWNyZXQtb2YtYS10ZXN0LWxvbmc="
NOBODYS = "whsec_" + "d3Jvbmctc2VjcmV0LXdyb25nLXNlY3JldA=="
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(not NODE, reason="there is no node on this machine")
KNOWN = dict(published.samples())
SENT = [KNOWN[name][0] for name in ("mo", "delivery-status", "reachability", "mo")]
"""Three events, and one of them once more."""


@contextmanager
def example(directory: Path, *command: str, **environ: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A program of an example, which stores what it does in `directory`."""
    told = {"DATABASE": str(directory / "handled.db"), "HANDLED": str(directory / "handled.txt")}
    with subprocess.Popen(
        command, cwd=directory, env=environment(**told, **environ), process_group=0
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def stored(directory: Path) -> None:
    """Each event was handled once, and the message stored."""
    names = list(dict.fromkeys(event["id"] for event in SENT))
    if (directory / "handled.txt").exists():
        assert (directory / "handled.txt").read_text().split() == names
        return
    with closing(sqlite3.connect(directory / "handled.db")) as database:
        handled = database.execute("SELECT id FROM handled ORDER BY rowid").fetchall()
        messages = database.execute("SELECT sender, text FROM messages").fetchall()
    data = SENT[0]["data"]
    assert ([name for (name,) in handled], messages) == (names, [(data["from"], data["text"])])


def publish(valkey: Valkey) -> None:
    for event in SENT:
        valkey.client().xadd(EVENTS, {"event": json.dumps(event)})


def ended(process: "subprocess.Popen[bytes]", valkey: Valkey) -> None:
    """Everything is acknowledged, and SIGTERM ends the consumer."""
    eventually(lambda: _group(valkey) == (0, 0))
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0


def _group(valkey: Valkey) -> tuple[int, int] | None:
    groups: Any = valkey.client().xinfo_groups(EVENTS)
    return next(((one["lag"], one["pending"]) for one in groups), None)


def test_the_stream_consumer_in_python_handles_each_event_once(
    valkey: Valkey, tmp_path: Path
) -> None:
    publish(valkey)
    valkey.client().xadd(EVENTS, {"event": "of somebody else"})
    command = (sys.executable, str(EXAMPLES / "stream-python/consumer.py"))
    with example(tmp_path, *command, REDIS_URL=valkey.url) as process:
        ended(process, valkey)
    stored(tmp_path)


@needs_node
@pytest.mark.skipif(
    not (ROOT / "node_modules/redis").is_dir(), reason="`npm install --no-save redis@5` is needed"
)
def test_the_stream_consumer_for_node_handles_each_event_once(
    start_valkey: Any, tmp_path: Path
) -> None:
    port = free_port()
    valkey = start_valkey(port=str(port), bind="127.0.0.1")
    publish(valkey)
    command = (str(NODE), str(EXAMPLES / "stream-node/consumer.mjs"))
    with example(tmp_path, *command, REDIS_URL=f"redis://127.0.0.1:{port}/0") as process:
        ended(process, valkey)
    stored(tmp_path)


@needs_node
@pytest.mark.skipif(
    not (ROOT / "node_modules/redis").is_dir(), reason="`npm install --no-save redis@5` is needed"
)
def test_a_second_signal_ends_the_stream_consumer_for_node_while_redis_hangs(
    start_valkey: Any, tmp_path: Path
) -> None:
    port = free_port()
    valkey = start_valkey(port=str(port), bind="127.0.0.1")
    client = valkey.client()
    command = (str(NODE), str(EXAMPLES / "stream-node/consumer.mjs"))
    with example(tmp_path, *command, REDIS_URL=f"redis://127.0.0.1:{port}/0") as process:
        eventually(lambda: client.info("clients")["blocked_clients"])
        valkey.pause()

        def ended() -> bool:
            process.send_signal(signal.SIGINT)
            return process.poll() is not None

        try:
            eventually(ended, within=20)
        finally:
            valkey.resume()
    assert process.returncode == -signal.SIGINT


def test_the_rq_function_handles_each_event_once(valkey: Valkey, tmp_path: Path) -> None:
    config = EXAMPLES / "rq-python/receiver.toml"
    [sink] = load({"RECEIVER_CONFIG": str(config)}).sinks
    queue = Queue(sink.queue, connection=valkey.client(), serializer=JSONSerializer)  # type: ignore[union-attr]
    for number, event in enumerate(SENT):
        queue.enqueue(sink.function, event, job_id=str(number))  # type: ignore[union-attr]
    rq = Path(sys.executable).with_name("rq")
    command = [str(rq), "worker", "--burst", "--serializer", "rq.serializers.JSONSerializer"]
    command += ["--url", valkey.url, "events"]
    path = f"{EXAMPLES / 'rq-python'}:{ROOT}"
    with example(tmp_path, *command, PYTHONPATH=path, PYTHONWARNINGS="") as process:
        assert process.wait(60) == 0
    assert len(queue.finished_job_registry) == len(SENT)
    stored(tmp_path)


@pytest.mark.parametrize(
    "command",
    [
        pytest.param((sys.executable, "webhook-python/endpoint.py"), id="python"),
        pytest.param((str(NODE), "webhook-node/endpoint.mjs"), marks=needs_node, id="node"),
    ],
)
def test_the_web_hooks_verify_the_signature_and_handle_each_event_once(
    valkey: Valkey, tmp_path: Path, command: tuple[str, str]
) -> None:
    publish(valkey)
    port = free_port()
    # As a file leaves it that somebody edited.
    environ = {"HOOK_PORT": str(port), "WEBHOOK_SECRETS": f"{OTHER} {SECRET} \n"}
    program = (command[0], str(EXAMPLES / command[1]))
    listen = ("listen", "--forward-to", str(port), "--since", "1h", "-n", str(len(SENT)))
    with example(tmp_path, *program, **environ) as process:
        eventually(lambda: process.poll() is not None or _listens(port))
        for secret, status in ((SECRET, 204), (OTHER, 204), (NOBODYS, 401)):
            told = {"REDIS_URL": valkey.url, "RECEIVER_LISTEN_SECRET": secret}
            done = run(tmp_path, *listen, **told)
            lines = [json.loads(line) for line in done.stdout.splitlines()]
            assert [line["status"] for line in lines] == [status] * len(SENT), done.stderr
        assert _posted_without_key(port) == 401
        assert _posted(port, SENT[0]["data"], key_of(SECRET)) in (400, 503)  # as in binary mode
    stored(tmp_path)


def _posted_without_key(port: int) -> int:
    """The answer to an event with the signature that everybody can make."""
    return _posted(port, SENT[0] | {"id": "forged"}, b"")


def _posted(port: int, document: Any, key: bytes) -> int:
    """The answer to a document that is signed with this key."""
    now, body = str(int(time.time())), json.dumps(document).encode()
    signature = base64.b64encode(hmac.digest(key, f"an-id.{now}.".encode() + body, "sha256"))
    said = {"webhook-id": "an-id", "webhook-timestamp": now}
    said["webhook-signature"] = f"v1,{signature.decode()}"
    url = f"http://127.0.0.1:{port}/events"
    return urllib3.request("POST", url, body=body, headers=said, retries=False).status


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_every_example_is_on_the_page() -> None:
    page = (EXAMPLES / "README.md").read_text("utf-8")
    folders = [path.name for path in EXAMPLES.iterdir() if path.is_dir()]
    assert [name for name in folders if f"]({name}/README.md)" not in page] == []
