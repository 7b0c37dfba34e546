import json
import signal
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import redis

from receiver.config.settings import RedisStreamSink
from receiver.contract.records import Delivery, decode_delivery, encode
from receiver.contract.redis_keys import EVENTS, SINKS, retry_due, retry_items, sink_state
from receiver.operations.event_replay import AT_ONCE, PAGE, Replay, Wanted
from tests.support.command_line import here
from tests.support.commands import run, running
from tests.support.eventually import eventually
from tests.support.valkey import Valkey

CONFIG = """
[[sink]]
name = "billing"
kind = "redis-stream"
stream = "billing"
types = ["sms.*"]
"""
FUTURE = 2**45
SINK = RedisStreamSink(name="billing", stream="billing")


@pytest.fixture
def client(valkey: Valkey, tmp_path: Path) -> redis.Redis:
    (tmp_path / "receiver.toml").write_text(CONFIG)
    return valkey.client()


def publish(
    client: redis.Redis, numbers: Iterable[int], kind: str = "sms.message.received.v1"
) -> None:
    """Events that came out so many seconds after 1970."""
    pipe = client.pipeline(transaction=False)
    for number in numbers:
        event = {"id": str(number), "type": kind, "source": f"/att/sms/mo/l{number % 2}"}
        document = json.dumps(event, separators=(",", ":"))
        pipe.xadd(EVENTS, {"event": document}, id=f"{number * 1000}-0")
    pipe.execute()


def handed_over(client: redis.Redis) -> list[dict[str, Any]]:
    names: Any = client.zrange(retry_due("billing"), 0, -1)
    assert client.hlen(retry_items("billing")) == len(names)
    stored: Any = client.hmget(retry_items("billing"), names) if names else []
    events = [json.loads(decode_delivery(each).event) for each in stored]
    return sorted(events, key=lambda event: int(event["id"]))


def drain(client: redis.Redis) -> None:
    client.delete(retry_due("billing"), retry_items("billing"))


def replay(client: redis.Redis, **wanted: Any) -> list[str]:
    drain(client)
    wanted = {"since": 0, "until": 2**50} | wanted
    assert list(Replay(client, SINK, Wanted(**wanted)).steps(dry=False))
    ids = [event["id"] for event in handed_over(client)]
    drain(client)
    return ids


def counts(looked_at: int, matched: int, new: int, *, dry: bool = False) -> dict[str, object]:
    """What the command prints into a pipe."""
    return {"looked_at": looked_at, "matched": matched, "new": new, "dry_run": dry}


def test_events_go_to_the_sink_again_marked_and_with_their_ids(
    client: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    publish(client, range(1, 6))
    publish(client, [6], "device.roaming.changed.v1")
    arguments = ["replay", "--sink", "billing", "--since", "1970-01-01T00:00:02Z"]
    answer = run(tmp_path, *arguments, REDIS_URL=redis_url)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert json.loads(answer.stdout) == counts(5, 4, 4)
    assert [(event["id"], event["replayed"]) for event in handed_over(client)] == [
        ("2", True),
        ("3", True),
        ("4", True),
        ("5", True),
    ]
    assert client.hgetall(SINKS) == {b"billing:replayed": b"4"}


def test_repeating_it_changes_nothing_while_the_events_still_wait(
    client: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    publish(client, [1, 2])
    tried = Delivery("1000-0", b'{"id":"1"}', 5, attempts=3)
    client.hset(retry_items("billing"), "1000-0", encode(tried))
    client.zadd(retry_due("billing"), {"1000-0": FUTURE})
    arguments = ["replay", "--sink", "billing", "--since", "1970-01-01"]
    for new in (1, 0):
        answer = run(tmp_path, *arguments, REDIS_URL=redis_url)
        assert (answer.returncode, json.loads(answer.stdout)) == (0, counts(2, 2, new))
        client.zadd(retry_due("billing"), {"2000-0": FUTURE})  # a worker has it, or it failed
    assert client.zscore(retry_due("billing"), "1000-0") == FUTURE
    assert client.hgetall(SINKS) == {b"billing:replayed": b"1"}


def test_a_dry_run_only_counts(client: redis.Redis, redis_url: str, tmp_path: Path) -> None:
    publish(client, range(1, 4))
    arguments = ["replay", "--sink", "billing", "--since", "1970-01-01", "--dry-run"]
    answer = run(tmp_path, *arguments, REDIS_URL=redis_url)
    assert (answer.returncode, json.loads(answer.stdout)) == (0, counts(3, 3, 3, dry=True))
    assert handed_over(client) == []


def test_events_are_chosen_by_time_type_and_listener(client: redis.Redis) -> None:
    publish(client, range(1, 4))
    publish(client, range(4, 7), "device.roaming.changed.v1")
    assert replay(client, since=2000) == ["2", "3", "4", "5", "6"]
    assert replay(client, until=2000) == ["1"]
    assert replay(client, types=("device.*",)) == ["4", "5", "6"]
    assert replay(client, types=("device.*", "sms.*"), listeners=("l1",)) == ["1", "3", "5"]


@pytest.mark.parametrize("until", ["1970-01-01", "0001-01-01", "1970-01-01T00:00:02Z"])
def test_until_before_since_sends_nothing(
    client: redis.Redis, redis_url: str, tmp_path: Path, until: str
) -> None:
    publish(client, range(1, 4))
    arguments = ["replay", "--sink", "billing", "--since", "1970-01-01T00:00:02Z"]
    answer = run(tmp_path, *arguments, "--until", until, REDIS_URL=redis_url)
    assert answer.returncode == 2
    assert "--until: a time after --since is wanted" in answer.stderr
    wanted = Wanted(since=0, until=0)
    assert list(Replay(client, SINK, wanted).steps(dry=False)) == []
    assert handed_over(client) == []


def test_no_more_waits_for_the_sink_than_it_can_take(
    client: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    publish(client, range(1, 2 * AT_ONCE))
    arguments = ["replay", "--sink", "billing", "--since", "1970-01-01"]
    with running(tmp_path, *arguments, REDIS_URL=redis_url) as process:
        eventually(lambda: client.zcard(retry_due("billing")) == AT_ONCE)
        first = handed_over(client)
        assert process.poll() is None
        drain(client)
        assert process.wait(60) == 0
    ids = [int(event["id"]) for event in first + handed_over(client)]
    assert ids == list(range(1, 2 * AT_ONCE))


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)]
)
def test_an_interrupted_replay_says_where_to_go_on(
    client: redis.Redis, redis_url: str, tmp_path: Path, number: int, code: int
) -> None:
    # The page under way when it is interrupted may be sent again: leave room for it.
    numbers = range(1, 2 * AT_ONCE - PAGE)
    publish(client, numbers)
    arguments = ["replay", "--sink", "billing"]
    with running(tmp_path, *arguments, "--since", "1970-01-01", REDIS_URL=redis_url) as process:
        eventually(lambda: client.zcard(retry_due("billing")) == AT_ONCE)
        for _ in range(2 if number == signal.SIGTERM else 1):  # `timeout` sends it twice
            process.send_signal(number)
        out, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert json.loads(out)["matched"] >= AT_ONCE - PAGE
    first = [int(event["id"]) for event in handed_over(client)]
    drain(client)
    since = said.split()[-1]
    answer = run(tmp_path, *arguments, "--since", since, REDIS_URL=redis_url)
    assert answer.returncode == 0
    rest = [int(event["id"]) for event in handed_over(client)]
    assert sorted({*first, *rest}) == list(numbers)


def test_what_cannot_be_replayed_is_said(
    client: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    arguments = ["replay", "--since", "1h", "--sink"]
    unknown = run(tmp_path, *arguments, "crm", REDIS_URL=redis_url)
    assert unknown.returncode == 2
    assert "there is no sink 'crm' in receiver.toml: it has billing" in unknown.stderr
    nothing = run(tmp_path, *arguments, "billing", REDIS_URL=redis_url)
    assert (nothing.returncode, json.loads(nothing.stdout)) == (1, counts(0, 0, 0))
    client.hset(sink_state("billing"), "stopped", "answered 410")
    stopped = run(tmp_path, *arguments, "billing", REDIS_URL=redis_url)
    assert stopped.returncode == 1
    assert stopped.stderr == (
        "receiver: sink 'billing' is stopped: answered 410; `receiver sinks start billing`\n"
    )


def test_what_came_out_just_now_is_sent_also_where_the_clock_of_the_command_is_behind(
    client: redis.Redis, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = {"id": "1", "type": "sms.message.received.v1", "source": "/att/sms/mo/l"}
    client.xadd(EVENTS, {"event": json.dumps(event, separators=(",", ":"))})
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() - 600)
    arguments = ["replay", "--sink", "billing", "--since", "1970-01-01"]
    done = here(tmp_path, *arguments, REDIS_URL=redis_url)
    assert (done.code, json.loads(done.out)) == (0, counts(1, 1, 1))


@pytest.mark.parametrize(
    ("since", "ahead", "stamp", "found"),
    [("2h", 0, 3600, 1), ("2h", 600, 0, 1), ("1m", 600, 0, 0)],
    ids=["Redis' clock has jumped back", "the command's is ahead", "by more than is asked for"],
)
def test_no_clock_makes_a_replay_until_now_a_wrong_option(
    client: redis.Redis,
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    since: str,
    ahead: int,
    stamp: int,
    found: int,
) -> None:
    event = {"id": "1", "type": "sms.message.received.v1", "source": "/att/sms/mo/l"}
    published: Any = {"event": json.dumps(event, separators=(",", ":"))}
    client.xadd(EVENTS, published, id=f"{int(time.time() + stamp) * 1000}-1")
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + ahead)
    done = here(tmp_path, "replay", "--sink", "billing", "--since", since, REDIS_URL=redis_url)
    assert (done.code, json.loads(done.out)) == (0 if found else 1, counts(found, found, found))
