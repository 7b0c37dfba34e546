"""Nothing is removed from a gateway that could not be kept, and nothing that was removed is lost:
Redis away before, within and after, another poller.
"""

import os
import threading
from typing import Any

import msgspec
import pytest

from receiver.contract.redis_keys import poll_state
from receiver.polling.gateway import Gateway
from receiver.polling.inbox import Inbox
from receiver.polling.page_file import PageFile
from receiver.polling.store import Store
from receiver.runtime.redis_errors import DOWN_ON_THE_LOOP
from tests.support.att_gateways import SimulatedGateway
from tests.support.eventually import eventually
from tests.support.polling import FAST, Polled

HASTY = msgspec.structs.replace(FAST, warns=0.1, alarms=0.2, regardless=0.4)


def test_while_redis_is_away_nothing_is_asked_for(polled: Polled, double: SimulatedGateway) -> None:
    polled.valkey.kill()
    with pytest.raises(DOWN_ON_THE_LOOP):
        polled.once()
    assert double.inbox() == {"accepted": 1, "waiting": 1}
    polled.valkey.start()
    polled.once()
    assert polled.texts() == ["hello"]


@pytest.mark.parametrize("method", ["stream", "finish"])
def test_redis_gone_within_or_after_a_page_loses_nothing(
    polled: Polled, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    owner: Any = {"stream": Gateway, "finish": PageFile}[method]
    original = getattr(owner, method)

    def going(*arguments: Any, **more: Any) -> Any:
        polled.valkey.kill()
        return original(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(owner, method, going)
        with pytest.raises(DOWN_ON_THE_LOOP):
            polled.once()
    assert len(polled.pages()) == 1
    polled.valkey.start()
    polled.until(lambda: not polled.pages())
    assert polled.texts() == ["hello"]
    # A slow machine asks once more, and may be stopped while it does.
    assert {
        name: count for name, count in polled.outcomes().items() if name not in ("empty", "skipped")
    } == {"messages": 1}


def test_when_messages_would_be_dropped_soon_they_are_fetched_into_page_files(
    polled: Polled, double: SimulatedGateway
) -> None:
    def fetched() -> bool:
        return double.inbox() == {"accepted": 1, "handed_whole": 1}

    polled.valkey.kill()
    polled.until(lambda: fetched() and polled.pages(), HASTY)
    assert len(polled.pages()) == 1
    polled.valkey.start()
    polled.until(lambda: not polled.pages())
    assert polled.texts() == ["hello"]


def test_a_redis_that_hangs_holds_up_no_page_that_would_be_dropped_soon(
    polled: Polled, double: SimulatedGateway
) -> None:
    for text in ("second", "third"):
        double.control("mo", text=text)
    double.control("settings", gateway={"page_size": 1, "minute": 60.0})
    patient = msgspec.structs.replace(HASTY, append=90.0)  # longer than this test may take

    def kept() -> bool:
        if fetched := "waiting" not in double.inbox():
            polled.valkey.resume()
        return fetched and not polled.pages()

    polled.valkey.pause()
    try:
        polled.until(kept, patient, within=60)
    finally:
        polled.valkey.resume()
    assert polled.texts() == ["hello", "second", "third"]


def test_the_time_of_the_last_success_outlives_the_process(
    polled: Polled, double: SimulatedGateway
) -> None:
    polled.once()
    double.control("mo", text="later")
    (mark,) = (polled.directory / "pages").glob("*.last")
    polled.valkey.kill()
    long_ago = mark.stat().st_mtime - 26 * 60
    os.utime(mark, (long_ago, long_ago))
    polled.until(lambda: "waiting" not in double.inbox())
    polled.valkey.start()
    polled.until(lambda: not polled.pages())
    assert polled.texts() == ["hello", "later"]


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("maxmemory", "1", "Redis is"),
        ("min-replicas-to-write", "1", "Redis takes no writes: NOREPLICAS"),
    ],
)
def test_a_redis_that_would_refuse_a_page_is_not_tried(
    polled: Polled, double: SimulatedGateway, setting: str, value: str, said: str
) -> None:
    before = polled.redis.config_get(setting)[setting]
    polled.redis.config_set(setting, value)
    try:
        done = polled.once()
        assert (done.outcome, done.trouble[: len(said)]) == ("skipped", said)
    except DOWN_ON_THE_LOOP:
        pass  # not even the lease could be written
    finally:
        polled.redis.config_set(setting, before)
    assert double.inbox() == {"accepted": 1, "waiting": 1}


def test_a_poll_that_waits_for_room_in_redis_says_so_until_it_goes_on(polled: Polled) -> None:
    before = polled.redis.config_get("maxmemory")["maxmemory"]
    polled.redis.config_set("maxmemory", 1)
    try:
        polled.until(lambda: polled.state().get("trouble"))
    finally:
        polled.redis.config_set("maxmemory", before)
    state = polled.state()
    assert (state["outcome"], state["trouble"][:9]) == ("skipped", "Redis is ")
    assert polled.outcomes() == {}
    polled.until(polled.outcomes)
    assert (polled.state()["outcome"], polled.state().get("trouble")) == ("messages", None)


def test_a_fault_of_ours_is_said_where_the_poll_is_listed(
    polled: Polled, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise KeyError("+12065550100")

    with monkeypatch.context() as patch:
        patch.setattr(Inbox, "round", failing)
        polled.until(lambda: polled.state().get("trouble"))
    assert "KeyError at test_poll_trouble.py" in polled.state()["trouble"]
    assert "+1206" not in polled.state()["trouble"]
    polled.until(polled.outcomes)
    assert "trouble" not in polled.state()


def test_two_pollers_do_not_poll_twice_and_the_second_goes_on_when_the_first_ends(
    polled: Polled, double: SimulatedGateway
) -> None:
    over = threading.Event()
    patient = msgspec.structs.replace(FAST, lease=5.0)  # a second may go by between two renewals
    first = threading.Thread(target=polled.until, args=(over.is_set, patient))
    first.start()
    try:
        eventually(lambda: polled.outcomes().get("messages"))
        done = polled.once(patient)
        assert (done.outcome, done.trouble[:16]) == ("skipped", "`receiver poll` ")
    finally:
        over.set()
        first.join()
    assert polled.once().outcome == "empty"
    assert polled.texts() == ["hello"]


def test_a_restart_does_not_poll_early(polled: Polled, monkeypatch: pytest.MonkeyPatch) -> None:
    polled.until(polled.outcomes)
    looks = []
    note = Store.note

    async def counting(self: Store, **fields: object) -> None:
        looks.append(fields)
        await note(self, **fields)

    monkeypatch.setattr(Store, "note", counting)
    polled.until(lambda: len(looks) > 5)
    assert all("started" not in fields for fields in looks)
    assert polled.outcomes() == {"messages": 1}


def test_what_another_program_wrote_beside_its_state_stops_no_poll(polled: Polled) -> None:
    foreign: Any = {"failures": "many", "due": "soon", "succeeded": "nan", b"\xff": b"\xff"}
    polled.valkey.client().hset(poll_state("promo"), mapping=foreign)
    polled.until(lambda: polled.texts() == ["hello"])


def test_a_count_that_is_no_number_has_no_gateway_asked_again_and_again(
    polled: Polled, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = [f"polls:{name}" for name in ("messages", "empty")]
    polled.valkey.client().hset(poll_state("promo"), mapping=dict.fromkeys(counts, "many"))
    looks, note = [], Store.note

    async def counting(self: Store, **fields: object) -> None:
        looks.append(fields)
        await note(self, **fields)

    monkeypatch.setattr(Store, "note", counting)
    polled.until(lambda: len(looks) > 12 and polled.texts() == ["hello"])
    assert sum("started" in fields for fields in looks) < 6  # a slow machine asks once more
    assert polled.valkey.client().hget(poll_state("promo"), "messages") == b"1"
