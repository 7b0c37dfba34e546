"""What somebody else wrote onto our streams: it never stops a worker, and ours come out."""

import json
from typing import Any

import msgspec
import pytest

from receiver.config.settings import RedisStreamSink, RqSink, Settings, SinkSettings
from receiver.contract.records import Notification, encode
from receiver.contract.redis_keys import DEAD_LETTERS, EVENTS, GROUP, INBOUND
from tests.support.consumer import Consumer
from tests.support.forwarding import Forwarding, event, http_sink, publish
from tests.support.running import mo
from tests.support.valkey import Valkey
from workers.normalise.job import Normaliser

STRANGE: list[dict[bytes, bytes]] = [
    {b"": b"", b"event": msgspec.json.encode(event(90))},
    {b"something": b"else"},
    {b"event": b""},
    {b"event": b" " + msgspec.json.encode(event(91))},
    {b"event": b"\xef\xbb\xbf" + msgspec.json.encode(event(92))},
    {b"event": b"null"},
    {b"event": b"[]"},
    {b"event": b'"text"'},
    {b"event": b"{}"},
    {b"event": b'{"id": 1}'},
    {b"event": b'{"id": ""}'},
    {b"event": b'{"id": "a/b c"}'},
    {b"event": b'{"id": "a\\r\\nx-injected: 1"}'},
    {b"event": b'{"id": "' + b"x" * 10_000 + b'"}'},
    {b"event": b'{"id": "ok", "data": "\xff\xfe"}'},
    {b"event": b'{"id": "ok", "data": 1e999}'},
    {b"event": b'{"id": "ok", "a\\r\\nb": "c"}'},
    {b"event": b'{"id": "ok", "' + b"\xc3\xa4" + b'": "c"}'},
    {b"event": b'{"id": "ok", "data": "\\ud800"}'},
    {b"event": b'{"id": "ok", "data": ' + b"[" * 5000 + b"]" * 5000 + b"}"},
    {b"event": b'{"id": "ok", "subject": {"not": "a text"}, "datacontenttype": 7}'},
    {b"event": b'{"id": "ok"'},
    {b"event": bytes(range(256))},
    {b"event": b'{"id":"ok","type":"\xff","source":"s"}'},
]


def strange(client: Any, stream: str) -> None:
    for fields in STRANGE:
        client.xadd(stream, fields)


def forwarded(valkey: Valkey, sink: SinkSettings) -> Forwarding:
    """Good events around strange entries, and jobs until nothing is open."""
    forwarding = Forwarding(valkey, sink)
    publish(valkey, *(event(number) for number in range(5)))
    strange(forwarding.client, EVENTS)
    publish(valkey, *(event(number) for number in range(5, 10)))
    for _ in range(4):
        forwarding.later(1.0)
    assert (forwarding.pending(), forwarding.retries()) == (0, [])
    assert b"opened" not in forwarding.state()
    strangers = len(forwarding.dead()) + forwarding.count("delivered") - 10
    assert strangers == len(STRANGE)
    return forwarding


def ids(documents: list[bytes]) -> list[str]:
    return [str(json.loads(each)["id"]) for each in documents]


@pytest.mark.parametrize("away", [False, True])
@pytest.mark.parametrize("kind", ["redis-stream", "rq"])
def test_a_sink_in_redis_goes_past_what_is_not_ours(
    valkey: Valkey, start_valkey: Any, kind: str, *, away: bool
) -> None:
    target = start_valkey() if away else valkey
    url = target.url if away else None
    if kind == "rq":
        forwarding = forwarded(
            valkey, RqSink(name="jobs", queue="company", function="theirs.take", redis_url=url)
        )
        jobs: Any = target.client().lrange("rq:queue:company", 0, -1)
        found = [each.decode().removesuffix("-jobs") for each in jobs]  # one id per event and sink
    else:
        forwarding = forwarded(
            valkey, RedisStreamSink(name="copy", stream="company:events", redis_url=url)
        )
        entries: Any = target.client().xrange("company:events")
        found = ids([fields[b"event"] for _, fields in entries])
    forwarding.close()
    good = [event(number)["id"] for number in range(10)]
    assert [each for each in found if each in good] == good


@pytest.mark.parametrize("mode", ["structured", "binary", "batch"])
def test_a_web_hook_goes_past_what_is_not_ours(
    valkey: Valkey, consumer: Consumer, mode: str
) -> None:
    forwarded(valkey, http_sink(consumer, mode=mode, secrets_env=("HOOK_SECRET",)))
    if mode == "batch":
        bodies = [json.loads(each.body) for each in consumer.requests]
        found = [each["id"] for body in bodies for each in body]
    else:
        found = [each.headers["webhook-id"] for each in consumer.requests]
    good = [event(number)["id"] for number in range(10)]
    assert sorted(each for each in found if each in good) == good
    assert not any("x-injected" in each.headers for each in consumer.requests)


def test_a_normalise_worker_makes_dead_letters_of_what_is_not_ours(valkey: Valkey) -> None:
    client: Any = valkey.client()
    ours = [
        Notification("att.sms.mo", "default", str(number), 1, "application/json", mo())
        for number in range(2)
    ]
    unlike = Notification("att.sms.mo", 'a"b\n', "r" * 100, 2**62, "x\r\ny", b"\xff" * 100)
    client.xadd(INBOUND, {"n": encode(ours[0])})
    strange(client, INBOUND)
    client.xadd(INBOUND, {"n": encode(unlike)})
    client.xadd(INBOUND, {"n": encode((1, 2, 3))})
    client.xadd(INBOUND, {"n": encode(ours[1])})
    normaliser = Normaliser(client, "me", Settings(), lambda: False)
    normaliser.run()
    assert client.xlen(EVENTS) == 2
    assert client.xlen(DEAD_LETTERS) == len(STRANGE) + 2
    assert client.xpending(INBOUND, GROUP)["pending"] == 0
