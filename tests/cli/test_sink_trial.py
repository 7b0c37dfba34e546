"""`receiver sinks test`: one marked event to one sink."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from receiver.contract.redis_keys import EVENTS, SINKS, sink_state
from receiver.events import UnknownEvent, parse, verify
from receiver.operations import sink_ledger
from tests.forward.test_exchange_faults import SILENT_RESOLVER, apart
from tests.forward.test_rq_sinks import worked
from tests.support.commands import environment, free_port, on_a_terminal, run
from tests.support.consumer import Consumer, Handler, Request, answering, consuming
from tests.support.forwarding import Forwarding, http_sink, publish_many
from tests.support.valkey import Valkey

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
HOOK = """
[[sink]]
name = "{name}"
kind = "http"
url = "{url}"
allow = ["{netloc}"]
timeout = 2
types = ["device.*"]
headers_env = {{ x-key = "HOOK_KEY" }}
secrets_env = ["HOOK_SECRET"]
"""


def hook(consumer: Consumer, name: str = "hook") -> str:
    return HOOK.format(name=name, url=consumer.url, netloc=consumer.netloc)


def sent(
    valkey: Valkey, directory: Path, toml: str, name: str, *words: str
) -> "subprocess.CompletedProcess[str]":
    (directory / "receiver.toml").write_text(toml)
    return run(
        directory,
        *("sinks", "test", name, *words),
        **{"REDIS_URL": valkey.url, "HOOK_SECRET": SECRET, "HOOK_KEY": "made-up"},
    )


def stored(valkey: Valkey) -> dict[bytes, Any]:
    """Everything that Redis has."""
    client: Any = valkey.client()
    return {key: client.dump(key) for key in client.scan_iter()}


def test_a_web_hook_gets_one_signed_event_that_says_it_is_a_test(
    valkey: Valkey, tmp_path: Path
) -> None:
    with consuming() as consumer, consuming() as other:
        done = sent(valkey, tmp_path, hook(consumer) + hook(other, "other"), "hook")
        [request] = consumer.requests
        assert other.requests == []
    result = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert (result["outcome"], result["status"], result["reason"]) == ("taken", 204, "")
    assert 0 < result["milliseconds"] < 30_000
    assert result["next"] == "nothing: the consumer takes events"
    assert verify(request.headers, request.body, SECRET) == result["id"]
    assert request.headers["x-key"] == "made-up"
    assert request.event["type"] == "receiver.test.v1"
    assert request.event["test"] is True
    assert request.event["data"]["message"].endswith("nothing has happened. Do nothing.")
    assert isinstance(parse(request.body), UnknownEvent)


def test_it_counts_nowhere_and_changes_nothing(valkey: Valkey, tmp_path: Path) -> None:
    with consuming() as consumer:
        forwarding = Forwarding(valkey, http_sink(consumer))
        publish_many(valkey, 1)
        forwarding.run()
        forwarding.client.hset(SINKS, "hook:configured", 1)
        forwarding.client.hset(sink_state("hook"), "stopped", "paused")
        before, books = stored(valkey), sink_ledger.read(valkey.client())
        consumer.behaviour = answering(410)
        done = sent(valkey, tmp_path, hook(consumer), "hook")
        assert (done.returncode, len(consumer.requests)) == (1, 2)
        consumer.behaviour = answering(204)
        done = sent(valkey, tmp_path, hook(consumer), "hook")
        assert json.loads(done.stdout)["next"] == (
            "the sink is stopped (paused): `receiver sinks start hook`"
        )
    assert stored(valkey) == before
    after = sink_ledger.read(valkey.client())
    assert [one.delivered for one in after] == [one.delivered for one in books] == [1]
    assert valkey.client().xlen(EVENTS) == 1


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (401, "compare the secret and the headers_env of the sink with what the consumer wants; "),
        (302, "put the URL that it redirects to into receiver.toml: redirects are not followed; "),
        (422, "let the consumer answer 2xx to types of events that it does not know; "),
        (503, "look into the consumer's log; with an event of yours the sink tries it again"),
    ],
)
def test_what_the_consumer_answers_is_shown_with_what_to_do(
    status: int, advice: str, valkey: Valkey, tmp_path: Path
) -> None:
    def refuse(_: Request, handler: Handler) -> None:
        handler.send_response(status)
        handler.send_header("content-length", "8")
        handler.end_headers()
        handler.wfile.write(b"go \x1b away")

    with consuming() as consumer:
        consumer.behaviour = refuse
        done = sent(valkey, tmp_path, hook(consumer), "hook", "--json")
    result = json.loads(done.stdout)
    assert done.returncode == 1
    assert result["status"] == status
    assert result["answer"] == "go \x1b awa"
    assert result["reason"].startswith(f"answered {status}")
    assert result["next"].startswith(advice)


def test_a_consumer_may_take_its_time(valkey: Valkey, tmp_path: Path) -> None:
    def slowly(_: Request, handler: Handler) -> int:
        handler.consumer.over.wait(1.2)
        return 204

    with consuming() as consumer:
        consumer.behaviour = slowly
        done = sent(valkey, tmp_path, hook(consumer), "hook", "--json")
    assert json.loads(done.stdout)["outcome"] == "taken"


def test_a_consumer_that_is_not_there_is_said(valkey: Valkey, tmp_path: Path) -> None:
    netloc = f"127.0.0.1:{free_port()}"
    toml = HOOK.format(name="hook", url=f"http://{netloc}/hook", netloc=netloc)
    done = sent(valkey, tmp_path, toml, "hook")
    result = json.loads(done.stdout)
    assert done.returncode == 1
    assert (result["status"], result["reason"]) == (0, "no answer: ConnectionRefusedError")
    assert result["next"].startswith("start the consumer")


@pytest.mark.parametrize(
    ("scheme", "advice"),
    [("https", "see that TLS 1.2 or later is spoken"), ("http", "see that HTTP/1.1 is spoken")],
)
def test_a_consumer_that_speaks_something_else_is_not_said_to_be_away(
    valkey: Valkey, tmp_path: Path, scheme: str, advice: str
) -> None:
    def rubbish(_: Request, handler: Handler) -> None:
        handler.wfile.write(b"SMTP ready\r\n\r\n")
        handler.close_connection = True

    with consuming() as consumer:
        consumer.behaviour = rubbish
        toml = hook(consumer).replace("http://", f"{scheme}://")
        done = sent(valkey, tmp_path, toml, "hook")
    assert done.returncode == 1
    assert json.loads(done.stdout)["next"].startswith(advice)


def test_a_resolver_that_hangs_is_waited_for_no_longer_than_the_sink_does(
    valkey: Valkey, tmp_path: Path
) -> None:
    if not apart():
        pytest.skip("needs unshare, and the right to use it")
    names = tmp_path / "resolv.conf"
    names.write_text("nameserver 127.0.0.1\n" * 3)  # each is asked twice, for 5 s
    url = "http://hooks.example.com/"
    (tmp_path / "receiver.toml").write_text(HOOK.format(name="hook", url=url, netloc="-"))
    command = [sys.executable, "-m", "receiver", "sinks", "test", "hook"]
    script = f"{SILENT_RESOLVER}subprocess.run({command})"
    done = subprocess.run(
        ["unshare", "-rmn", sys.executable, "-c", script, str(names)],  # noqa: S607
        env=environment(REDIS_URL=valkey.url, HOOK_SECRET=SECRET, HOOK_KEY="made-up"),
        cwd=tmp_path,
        capture_output=True,
        timeout=25,
        check=False,
    )
    result = json.loads(done.stdout)
    assert result["reason"] == "no answer within 2 s: its name is not resolved"
    assert result["next"].startswith("correct the host in the url")


def test_what_is_missing_is_said_before_anything_is_sent(valkey: Valkey, tmp_path: Path) -> None:
    with consuming() as consumer:
        (tmp_path / "receiver.toml").write_text(hook(consumer))
        unset = run(tmp_path, "sinks", "test", "hook", REDIS_URL=valkey.url, HOOK_KEY="k")
        unknown = run(tmp_path, "sinks", "test", "nobody", REDIS_URL=valkey.url)
        assert consumer.requests == []
    assert (unset.returncode, unset.stdout) == (2, "")
    assert "the environment variable HOOK_SECRET is not set" in unset.stderr
    assert unknown.stderr.startswith(
        "receiver: there is no sink 'nobody' in receiver.toml: it has hook"
    )


def test_an_rq_queue_gets_one_job_that_its_worker_runs(valkey: Valkey, tmp_path: Path) -> None:
    toml = '[[sink]]\nname = "jobs"\nkind = "rq"\nqueue = "company"\nfunction = "jobs.on_event"\n'
    done = sent(valkey, tmp_path, toml, "jobs")
    result = json.loads(done.stdout)
    assert (done.returncode, result["answer"]) == (0, f"{result['id']}-jobs")
    assert result["next"].startswith("see the consumer's `rq worker` on 'company' run the job")
    assert worked(valkey, tmp_path, "company") == [["on_event", result["id"], False]]


def test_a_stream_gets_one_entry(valkey: Valkey, tmp_path: Path) -> None:
    toml = '[[sink]]\nname = "copy"\nkind = "redis-stream"\nstream = "company:events"\n'
    done = sent(valkey, tmp_path, toml, "copy")
    result = json.loads(done.stdout)
    client: Any = valkey.client()
    [(entry, fields)] = client.xrange("company:events")
    assert (done.returncode, result["answer"]) == (0, entry.decode())
    assert json.loads(fields[b"event"])["id"] == result["id"]
    seen = on_a_terminal(tmp_path, "sinks", "test", "copy", REDIS_URL=valkey.url)
    assert re.search(r"outcome +taken after \d", re.sub("\x1b\\[[0-9;]*m", "", seen))
    client.delete("company:events")
    client.set("company:events", "no stream")
    result = json.loads(sent(valkey, tmp_path, toml, "copy").stdout)
    assert result["reason"] == "company:events is a string, not a stream"
    assert result["next"].startswith("rename that key")
    found = run(tmp_path, "doctor", REDIS_URL=valkey.url).stdout
    assert "the sink copy gets nothing: company:events is a string, not a stream" in found
    client.delete("company:events")
    assert "copy gets nothing" not in run(tmp_path, "doctor", REDIS_URL=valkey.url).stdout


def test_a_redis_that_takes_no_writes_says_why_by_its_own_word(
    start_valkey: Callable[..., Valkey], tmp_path: Path
) -> None:
    toml = '[[sink]]\nname = "copy"\nkind = "redis-stream"\nstream = "company:events"\n'
    done = sent(start_valkey(min_replicas_to_write="1"), tmp_path, toml, "copy")
    assert (done.returncode, json.loads(done.stdout)["reason"]) == (1, "NOREPLICAS")


def test_a_person_sees_what_there_is_to_see(valkey: Valkey, tmp_path: Path) -> None:
    with consuming() as consumer:
        (tmp_path / "receiver.toml").write_text(hook(consumer))
        environ = {"REDIS_URL": valkey.url, "HOOK_SECRET": SECRET, "HOOK_KEY": "made-up"}
        seen = on_a_terminal(tmp_path, "sinks", "test", "hook", **environ)
    assert "hook (http)" in seen
    assert "taken: answered 204 after" in seen
    assert "nothing: the consumer takes events" in seen
