"""What `/metrics` tells of polls."""

import math
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from receiver.contract.redis_keys import poll_state
from receiver.metrics import snapshot
from receiver.metrics.exposition import exposition
from tests.support.polling import Polled, configured
from tests.support.valkey import Valkey


def told(polled: Polled, *, redis_answers: bool = True) -> dict[str, float]:
    settings = polled.settings
    names = [one.name for one in settings.polls]
    found = snapshot.read(polled.redis, names) if redis_answers else None
    return {
        " ".join([sample.name, *sorted(sample.labels.values())]): sample.value
        for family in text_string_to_metric_families(
            exposition(found, None, settings, ready=True).decode()
        )
        for sample in family.samples
        if "_poll" in sample.name
    }


def test_a_poll_tells_how_it_stands(valkey: Valkey, tmp_path: Path) -> None:
    polled = Polled(valkey, tmp_path, configured("https://gateway.example.com"))
    new = told(polled)
    assert new["receiver_poll_last_success_seconds promo"] == math.inf
    assert new["receiver_polls_total at_risk promo"] == 0
    now = polled.redis.time()[0]
    polled.redis.hset(
        poll_state("promo"),
        mapping={"succeeded": now - 70, "polls:cut": 2, "messages": 9, "pending": 4, "pages": 1},
    )
    found = told(polled)
    assert 70 <= found["receiver_poll_last_success_seconds promo"] < 100
    assert found["receiver_polls_total cut promo"] == 2
    assert found["receiver_poll_messages_total promo"] == 9
    assert found["receiver_poll_pending promo"] == 4
    assert found["receiver_poll_pages_waiting promo"] == 1


def test_pages_on_this_disk_are_told_without_redis(valkey: Valkey, tmp_path: Path) -> None:
    polled = Polled(valkey, tmp_path, configured("https://gateway.example.com"))
    (tmp_path / "pages").mkdir()
    for number in range(2):
        (tmp_path / "pages" / f"promo-{number:027}.page").write_bytes(b"")
    assert told(polled, redis_answers=False) == {"receiver_poll_pages_waiting promo": 2}
    assert told(polled)["receiver_poll_pages_waiting promo"] == 2


def test_without_polls_nothing_is_told(valkey: Valkey, tmp_path: Path) -> None:
    assert told(Polled(valkey, tmp_path, "")) == {}
