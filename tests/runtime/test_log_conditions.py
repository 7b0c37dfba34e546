"""What lasts is said when it begins, now and then, and at its end."""

import json
from typing import Any

import pytest
import structlog

from receiver.contract.redis_keys import EVENTS
from receiver.runtime import logs, redis_client
from tests.support.brisk_web import BRISK
from tests.support.eventually import eventually
from tests.support.running import Receiver, mo
from tests.workers.test_room import fill


def said(receiver: Receiver, event: str) -> list[dict[str, Any]]:
    """The lines of this event so far."""
    lines = [line for line in receiver.log.read_text().splitlines() if line.startswith("{")]
    return [one for one in map(json.loads, lines) if one["event"] == event]


def test_a_condition_is_said_at_its_beginning_once_a_minute_and_at_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr("receiver.runtime.logs.time.monotonic", lambda: now)
    with structlog.testing.capture_logs() as lines:
        one = logs.Condition(structlog.get_logger(), "begun", "over", server="there")
        for second in range(150):
            now = 100.0 + second
            one.is_now("" if second < 10 or second >= 140 else f"{second} % full")
    assert [(line["event"], line["reason"]) for line in lines] == [
        ("begun", "10 % full"),
        ("begun", "70 % full"),
        ("begun", "130 % full"),
        ("over", "139 % full"),
    ]
    assert lines[-1]["seconds"] == 130.0
    assert {line["server"] for line in lines} == {"there"}


def test_redis_in_trouble_is_a_line_that_names_it_and_a_line_when_it_is_back(
    receiver: Receiver,
) -> None:
    receiver.start()
    receiver.valkey.kill()
    eventually(lambda: len(said(receiver, "redis.trouble")) >= 2)
    receiver.valkey.start()
    eventually(lambda: len(said(receiver, "redis.back")) >= 2)
    lines = said(receiver, "redis.trouble") + said(receiver, "redis.back")
    assert {line["server"] for line in lines} == {str(receiver.valkey.socket)}
    assert all(line["reason"] for line in lines)


def test_a_key_that_somebody_made_something_else_of_is_a_line_that_says_wrongtype(
    receiver: Receiver,
) -> None:
    receiver.start()
    receiver.redis.set(EVENTS, "not ours")
    receiver.acknowledged("/att/sms/mo", mo())
    [line, *_] = eventually(lambda: said(receiver, "job.failed"))
    assert line["error"] == "WRONGTYPE"
    [line, *_] = eventually(lambda: said(receiver, "redis.trouble"))  # the sweep's
    assert line["reason"] == "WRONGTYPE"
    receiver.redis.rename(EVENTS, "not-ours")
    assert receiver.settled().published == 1


def test_every_line_of_a_log_in_json_is_json(receiver: Receiver) -> None:
    receiver.start()
    receiver.stop()
    lines = [json.loads(line) for line in receiver.log.read_text().splitlines()]
    assert [line["url"] for line in lines if line["event"] == "web.starts"] == [receiver.url]


def test_the_first_line_says_for_whom_the_web_process_listens(receiver: Receiver) -> None:
    receiver.also(HOST="0.0.0.0")  # noqa: S104
    receiver.start_web()
    [line] = said(receiver, "web.starts")
    assert (line["url"], line["host"]) == (receiver.url, "0.0.0.0")  # noqa: S104


def test_intake_closes_and_opens_with_a_line_that_says_why(receiver: Receiver) -> None:
    receiver.web_command = BRISK
    receiver.start_web()
    fill(receiver.redis, 0.9)
    [closed] = eventually(lambda: said(receiver, "intake.closed"))
    assert closed["reason"].startswith("Redis is 9")
    receiver.redis.delete("big")
    [opened] = eventually(lambda: said(receiver, "intake.opened"))
    assert opened["reason"].startswith("Redis is 9")
    assert len(said(receiver, "intake.closed")) == 1


def test_intake_that_writers_close_between_two_looks_has_a_line_too(receiver: Receiver) -> None:
    """Redis stays just below the mark, and carriers get 503."""
    receiver.start_web()
    fill(receiver.redis, 0.79)
    seen = _reads(receiver)
    eventually(lambda: _reads(receiver) > seen + 4)  # it has looked
    eventually(lambda: receiver.post("/att/sms/mo", mo("x" * 200_000)).status == 503)
    [closed] = eventually(lambda: said(receiver, "intake.closed"))
    assert closed["reason"] == "Redis is 80% full, by what came since the last look"


def _reads(receiver: Receiver) -> int:
    stats: Any = receiver.redis.info("commandstats")
    return int(stats["cmdstat_hgetall"]["calls"])


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("redis://user:secret@redis.example.com:6380/2?client_name=a", "redis.example.com:6380"),
        ("rediss://:secret@redis/0", "redis:6379"),
        ("redis://[::1]:6380", "[::1]:6380"),
        ("unix://:secret@/run/redis.sock?db=1", "/run/redis.sock"),
        ("redis+sentinel://u:secret@a:1,b/main/0", "a:1,b:26379/main"),
    ],
)
def test_where_redis_is_is_said_without_a_password(url: str, place: str) -> None:
    assert redis_client.address(url) == place
