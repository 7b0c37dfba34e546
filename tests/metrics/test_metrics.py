"""`/metrics` with real processes: right whichever of them answers, and never waiting for Redis."""

import asyncio
import math
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import redis
from prometheus_client.parser import text_string_to_metric_families

from receiver.auth.bearer import Credential
from receiver.auth.credential_store import add
from receiver.contract.redis_keys import HEARD, METER, TURNED_AWAY
from receiver.metrics.counters import ACKNOWLEDGED, LISTENERS, Counters
from receiver.metrics.unauthenticated import UnauthenticatedCounts
from receiver.runtime.redis_client import async_client
from tests.support.consumer import Consumer, consuming
from tests.support.eventually import eventually
from tests.support.restricted import restricted
from tests.support.running import Receiver, mo
from tests.support.valkey import Valkey

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scraped(receiver: Receiver) -> Samples:
    """Every sample, by name and labels."""
    answer = receiver.get("/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return parsed(answer.data.decode())


def parsed(text: str) -> Samples:
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation, family.name
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found, key
            found[key] = sample.value
    return found


def value(samples: Samples | None, name: str, **labels: str) -> float | None:
    return (samples or {}).get((name, tuple(sorted(labels.items()))))


def test_every_process_answers_for_all_of_them(receiver: Receiver, tmp_path: Path) -> None:
    with consuming() as consumer:
        _configure(tmp_path, consumer)
        receiver.also(WEB_CONCURRENCY="2", RECEIVER_WORKERS="2", RECEIVER_FULL_PERCENT="70")
        receiver.start()
        add(receiver.redis, "short", Credential(label="att", expires=time.time() + 5 * 86400))
        repeated = mo()
        for body in [*(mo() for _ in range(40)), repeated, repeated]:
            receiver.acknowledged("/att/sms/mo/promo", body)
        assert receiver.post("/att/sms/mo/promo", b"{}").status == 400
        assert receiver.post("/att/sms/mo/promo", b"x", headers={}).status == 401
        assert receiver.post("/att/sms/mo/nobody", mo()).status == 404
        receiver.settled()
        eventually(lambda: len(consumer.requests) == 41)
        told = eventually(lambda: _all_told(receiver))
    assert value(told, "receiver_redis_up") == 1
    assert value(told, "receiver_redis_memory_full_ratio") == 0.7
    assert value(told, "receiver_notifications_accepted_total") == 42
    assert value(told, "receiver_notifications_published_total") == 41
    assert value(told, "receiver_notifications_duplicate_total") == 1
    for basis, count in (("provider-id", 0), ("composite", 0), ("fingerprint", 1)):
        name = "receiver_notifications_duplicate_by_basis_total"
        assert value(told, name, basis=basis) == count
    assert value(told, "receiver_notifications_open") == 0
    assert value(told, "receiver_notifications_open_oldest_seconds") == 0
    assert value(told, "receiver_books_balanced") == 1
    assert value(told, "receiver_rejected_total") == 1
    requests = {"callback": "att.sms.mo", "status": "204"}
    assert value(told, "receiver_requests_total", **requests) == 42
    for reason in ("malformed", "no credential", "unknown listener"):
        labels = {"callback": "att.sms.mo", "reason": reason}
        assert value(told, "receiver_requests_refused_total", **labels) == 1
    assert value(told, "receiver_stream_entries", stream="events") == 41
    assert value(told, "receiver_acknowledgement_seconds_bucket", le="+Inf") == 42
    assert 0 < (value(told, "receiver_acknowledgement_seconds_sum") or 0) < 42
    assert value(told, "receiver_receipt_to_published_seconds_count") == 41
    assert value(told, "receiver_sink_attempts_total", sink="hook", result="delivered") == 41
    assert value(told, "receiver_sink_backlog", sink="hook") == 0
    assert value(told, "receiver_sink_circuit_open", sink="hook") == 0
    assert value(told, "receiver_sink_refusing", sink="hook") == 0
    assert value(told, "receiver_workers", queue="receiver-normalise") == 2
    assert value(told, "receiver_workers", queue="receiver-forward-hook") == 1
    assert 4.9 < (value(told, "receiver_credential_days_left", credential="att") or 0) < 5
    silence = value(told, "receiver_listener_silence_seconds", listener="promo")
    assert silence is not None
    assert 0 <= silence < 60
    assert value(told, "receiver_listener_silence_seconds", listener="quiet") == math.inf


def _configure(directory: Path, consumer: Consumer) -> None:
    (directory / "receiver.toml").write_text(
        '[[listener]]\nname = "promo"\n[[listener]]\nname = "quiet"\n'
        f'[[sink]]\nname = "hook"\nkind = "http"\nurl = "{consumer.url}"\n'
        f'allow = ["{consumer.netloc}"]\n'
    )


def _all_told(receiver: Receiver) -> Samples | None:
    """The sums, once every worker is there and every process has written its last second down."""
    samples = scraped(receiver)
    found = {
        "acknowledged": value(samples, "receiver_acknowledgement_seconds_count"),
        "published": value(samples, "receiver_receipt_to_published_seconds_count"),
        "delivered": value(samples, "receiver_receipt_to_delivered_seconds_count", sink="hook"),
        # Two web processes: who turned somebody away need not be who acknowledged the others.
        "refused": sum(
            count
            for (name, _), count in samples.items()
            if name == "receiver_requests_refused_total"
        ),
        "workers": sum(count for (name, _), count in samples.items() if name == "receiver_workers"),
    }
    wanted = {"acknowledged": 42, "published": 41, "delivered": 41, "refused": 3, "workers": 3}
    return samples if found == wanted else None


def test_while_redis_is_away_the_scrape_says_so_and_does_not_wait(receiver: Receiver) -> None:
    receiver.start_web()
    eventually(lambda: value(scraped(receiver), "receiver_redis_up") == 1)
    receiver.valkey.pause()  # who waited for it would have no answer at all
    down = eventually(lambda: _if_down(receiver))
    assert value(down, "receiver_notifications_accepted_total") is None
    receiver.valkey.resume()
    eventually(lambda: value(scraped(receiver), "receiver_redis_up") == 1)
    receiver.valkey.kill()
    eventually(lambda: _if_down(receiver))
    receiver.valkey.start()
    eventually(lambda: value(scraped(receiver), "receiver_redis_up") == 1)


def test_a_user_who_may_not_ask_for_info_hides_the_memory_and_nothing_else(
    receiver: Receiver,
) -> None:
    restricted(receiver.valkey, "-info")
    receiver.also(REDIS_URL=f"{receiver.valkey.url}?username=narrow&password=made-up")
    receiver.start_web()
    assert receiver.post("/att/sms/mo", mo()).status == 204
    found = eventually(lambda: _if_up(receiver))
    assert value(found, "receiver_notifications_accepted_total") == 1
    assert value(found, "receiver_redis_memory_used_bytes") == 0


def _if_up(receiver: Receiver) -> Samples | None:
    samples = scraped(receiver)
    return samples if value(samples, "receiver_redis_up") == 1 else None


def _if_down(receiver: Receiver) -> Samples | None:
    samples = scraped(receiver)
    return samples if value(samples, "receiver_redis_up") == 0 else None


def test_the_spool_is_told_while_redis_is_away(receiver: Receiver, tmp_path: Path) -> None:
    receiver.also(RECEIVER_SPOOL_DIR=str(tmp_path / "spool"))
    receiver.start_web()
    receiver.valkey.kill()
    assert receiver.post("/att/sms/mo", mo()).status == 204
    told = eventually(lambda: _if_down(receiver))
    assert value(told, "receiver_spool_notifications") == 1
    assert (value(told, "receiver_spool_bytes") or 0) > 0
    receiver.valkey.start()
    eventually(lambda: value(scraped(receiver), "receiver_spool_notifications") == 0)
    eventually(lambda: value(scraped(receiver), "receiver_notifications_accepted_total") == 1)


def test_what_was_written_though_the_reply_was_lost_is_not_added_again(valkey: Valkey) -> None:
    client: Any = valkey.client()
    counters = Counters()
    counters.times(ACKNOWLEDGED).took(0.0015)
    client.eval(*counters.command())
    counters.times(ACKNOWLEDGED).took(0.0015)
    client.eval(*counters.command())
    counters.written()
    assert client.hget(METER, "acknowledged||0.002") == b"1"
    client.eval(*counters.command())
    assert client.hget(METER, "acknowledged||0.002") == b"2"
    assert client.hget(METER, "acknowledged||sum") == b"3000"


def _refused(*reasons: str) -> UnauthenticatedCounts:
    counts = UnauthenticatedCounts()
    for reason in reasons:
        counts.count("att.sms.mo", reason)
    return counts


def test_a_refusal_whose_count_redis_took_while_it_hung_is_counted_once(valkey: Valkey) -> None:
    counts = _refused("overload")

    async def write() -> None:
        client = async_client(valkey.url)
        await client.ping()
        valkey.pause()
        with pytest.raises(redis.TimeoutError):
            await counts.write(client)
        valkey.resume()
        counts.count("att.sms.mo", "overload")
        await counts.write(client)
        await counts.write(client)
        await client.aclose()

    asyncio.run(write())
    assert valkey.client().hgetall(TURNED_AWAY) == {b"att.sms.mo overload": b"2"}


def test_a_count_that_is_no_number_has_no_other_one_counted_again(valkey: Valkey) -> None:
    counts = _refused("method", "overload")
    valkey.client().hset(TURNED_AWAY, "att.sms.mo method", "somebody else's")

    async def write() -> None:
        client = async_client(valkey.url)
        for _ in range(3):
            with suppress(redis.ResponseError):
                await counts.write(client)
        await client.aclose()

    asyncio.run(write())
    assert valkey.client().hget(TURNED_AWAY, "att.sms.mo overload") == b"1"


def test_a_sender_who_invents_listeners_makes_no_more_than_200_of_them(valkey: Valkey) -> None:
    client: Any = valkey.client()
    counters = Counters()
    for number in range(300):
        counters.heard[f"listener-{number}"] = 1_000 + number
    client.eval(*counters.command())
    heard = client.hgetall(HEARD)
    assert len(heard) == LISTENERS
    assert heard[b"other"] == b"1299"
    assert client.exists(METER) == 0  # no count among them
    older = Counters()
    older.heard["listener-0"] = 5
    client.eval(*older.command())
    assert client.hget(HEARD, "listener-0") == b"1000"


def test_a_field_that_somebody_else_wrote_among_the_times_is_left_out(receiver: Receiver) -> None:
    foreign: Any = {"published||abc": 1, "published||nan": 2, "published|whose|0.1": 3}
    foreign |= {"published||0.1": 4, "delivered|hook|x": 5}
    receiver.redis.hset(METER, mapping=foreign)
    receiver.start_web()
    told = scraped(receiver)
    assert value(told, "receiver_receipt_to_published_seconds_count") == 4


@pytest.mark.parametrize("ahead", [0, 86_400, 366 * 86_400])
def test_a_listener_that_was_heard_by_a_clock_that_was_ahead_is_silent_from_then_on(
    valkey: Valkey, ahead: int
) -> None:
    client: Any = valkey.client()
    now = int(time.time() * 1000)
    counters = Counters()
    counters.heard["promo"] = now + 1000 * ahead  # by the web process' clock
    client.eval(*counters.command())
    counters.written()
    assert abs(int(client.hget(HEARD, "promo")) - now) < 60_000
    client.hset(HEARD, "promo", now + 1000 * ahead + 60_000)  # by that of another Redis
    counters.heard["promo"] = now
    client.eval(*counters.command())
    assert int(client.hget(HEARD, "promo")) == now
