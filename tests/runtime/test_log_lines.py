"""The lines of a log: for whom they are written, what of a library's is left out, and how often."""

import json
import os
import pty
import subprocess
import sys
from typing import Any

import pytest
import structlog

from receiver.runtime import logs
from tests.support.brisk_web import BRISK
from tests.support.commands import environment
from tests.support.eventually import eventually
from tests.support.running import Receiver, mo


def test_on_a_terminal_the_lines_are_for_people() -> None:
    said = _on_a_terminal(
        "from receiver.runtime import logs; from workers.outcome_log import OutcomeLog;"
        "from receiver.contract.records import Notification; import structlog;"
        "logs.configure('info'); structlog.get_logger().warning('sink.circuit', sink='hook');"
        "one = Notification('att.sms.mo', 'promo', '0123', 1, '', b'');"
        "OutcomeLog.write_metrics = lambda *_, **__: None;"
        "OutcomeLog(None).notifications([(one, '')], b'd')"
    )
    assert "sink.circuit" in said
    assert "outcome=duplicate" in said
    assert "{" not in said


def _on_a_terminal(program: str) -> str:
    ours, theirs = pty.openpty()
    subprocess.run(
        [sys.executable, "-c", program], stderr=theirs, env=environment(), check=True, timeout=60
    )
    os.close(theirs)
    with open(ours, "rb", buffering=0) as terminal:
        return terminal.read(65536).decode()


def test_a_library_is_heard_from_warnings_on_without_numbers_or_what_an_error_says() -> None:
    program = (
        "import logging; from receiver.runtime import logs; logs.configure('info')\n"
        "log = logging.getLogger('uvicorn.error')\n"
        "log.info('nobody needs this')\n"
        "log.warning('GET /x?access_token=%s from %s', 'secret', '+12065550100')\n"
        "try: int('+12065550177x')\n"
        "except ValueError: log.exception('Exception in ASGI application')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        env=environment(),
        check=True,
        timeout=60,
    )
    warned, failed = map(json.loads, done.stderr.splitlines())
    assert warned["event"] == "GET /x?access_token=(removed) from (removed)"
    assert failed["exception"] == "ValueError"
    assert failed["at"] == ["<string>:5 <module>"]
    assert b"2065550177" not in done.stderr


@pytest.mark.parametrize("where", ["fail()", "threading.Thread(target=fail).start()"])
def test_what_ends_a_process_or_a_thread_is_a_line_without_what_it_says(where: str) -> None:
    program = (
        "import threading; from receiver.runtime import logs; logs.configure('info')\n"
        "def fail(): int('+12065550177 said hello')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program + where],
        capture_output=True,
        env=environment(),
        check=False,
        timeout=60,
    )
    assert done.returncode == (where == "fail()")
    (line,) = map(json.loads, done.stderr.splitlines())
    assert (line["event"], line["exception"]) == ("process.fault", "ValueError")
    assert line["at"][-1] == "<string>:2 fail"


def test_a_fault_that_comes_with_every_request_is_a_line_now_and_then_with_a_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr("receiver.runtime.logs.time.monotonic", lambda: now)
    with structlog.testing.capture_logs() as said:
        seldom = logs.Seldom(structlog.get_logger())
        for number in range(600_000):  # a minute at 10,000 a second
            now = number / 10_000
            seldom.say("error", "request.fault", error="KeyError")
        seldom.say("error", "request.fault", error="ValueError")
    assert [line["count"] for line in said[:-1]] == [1, *[100_000] * 5]
    assert said[-1] == {
        "event": "request.fault",
        "log_level": "error",
        "error": "ValueError",
        "count": 1,
    }


def test_credentials_that_cannot_be_read_are_said_when_their_number_changes(
    receiver: Receiver,
) -> None:
    receiver.web_command = BRISK
    receiver.start_web()

    def calls() -> int:
        stats: Any = receiver.redis.info("commandstats")
        return int(stats.get("cmdstat_hgetall", {}).get("calls", 0))

    def said() -> list[int]:
        log = receiver.log.read_text().splitlines()
        lines = [json.loads(line) for line in log if line.startswith("{")]
        return [line["count"] for line in lines if line["event"] == "credentials.unreadable"]

    for wanted, name in ([1], "ab"), ([1, 2], "cd"):
        receiver.redis.hset("receiver:credentials", name * 32, "not a record")
        eventually(lambda: len(said()) >= len(wanted))  # noqa: B023 - over before the next one
        before = calls()
        eventually(lambda: calls() > before + 3)  # noqa: B023 - it looks, and says it no more
        assert said() == wanted


def test_the_level_decides_whether_each_outcome_is_a_line(receiver: Receiver) -> None:
    receiver.also(RECEIVER_LOG_LEVEL="warning")
    receiver.start()
    receiver.acknowledged("/att/sms/mo", mo())
    receiver.settled()
    receiver.stop()
    assert b'"event":"notification"' not in receiver.log.read_bytes()
