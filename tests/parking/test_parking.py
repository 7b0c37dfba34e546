"""A sink's oldest waiting events go to disk, and come back in order, each once."""

from typing import Any

from receiver.contract.redis_keys import EVENTS, sink_parking
from receiver.operations.requeue import Requeue
from receiver.operations.sink_progress import progress
from tests.parking.conftest import Made
from tests.support.consumer import consuming
from tests.support.forwarding import Forwarding, event, http_sink, publish, publish_many
from tests.support.parking import copied, copy_sink
from tests.support.valkey import Valkey


def test_on_our_own_redis_what_was_parked_arrives_once_and_in_order(
    valkey: Valkey, parking: Made
) -> None:
    sink = copy_sink()
    forwarding = Forwarding(valkey, sink)
    parked = parking(sink)
    ids = publish_many(valkey, 1_700)
    parked.run()
    assert (parked.parked(), len(forwarding.retries())) == (1_600, 100)
    ids += publish_many(valkey, 100, first=1_700)
    for _ in range(20):
        parked.run(1)
        forwarding.run()
        if not parked.parked():
            break
    forwarding.run()
    assert copied(forwarding.client) == ids
    books = parked.books()
    assert (books.delivered, books.open, books.parked, books.events) == (1_800, 0, 0, 1_800)


def test_a_worker_takes_nothing_new_while_older_events_are_parked(
    valkey: Valkey, parking: Made
) -> None:
    sink = copy_sink()
    forwarding = Forwarding(valkey, sink)
    parked = parking(sink)
    publish_many(valkey, 300)
    parked.parker._parkings["copy"].relieve(parked.use("copy"), 100)
    assert (parked.parked(), parked.use("copy").waiting) == (100, 200)
    forwarding.run()
    assert (copied(forwarding.client), forwarding.deliveries.held) == ([], True)


def test_a_sink_within_its_share_parks_nothing(valkey: Valkey, parking: Made) -> None:
    sink = copy_sink(share=20)
    Forwarding(valkey, sink)
    parked = parking(sink)
    publish_many(valkey, 1_000)
    parked.run()
    assert (parked.parked(), parked.use("copy").waiting) == (0, 1_000)
    assert not parked.client.exists(sink_parking("copy"))


def test_what_the_filter_leaves_out_is_counted_and_not_parked(
    valkey: Valkey, parking: Made
) -> None:
    sink = copy_sink(types=("sms.delivery.*",))
    forwarding = Forwarding(valkey, sink)
    parked = parking(sink)
    wanted = {"type": "sms.delivery.updated.v1"}
    publish(valkey, *(event(n, **wanted if n % 10 == 0 else {}) for n in range(500)))
    parked.parker._parkings["copy"].relieve(parked.use("copy"), 500)
    books = parked.books()
    assert (books.parked, books.filtered, books.open) == (50, 450, 0)
    parked.run()
    forwarding.run()
    assert copied(forwarding.client) == [f"{n:032x}" for n in range(0, 500, 10)]


def test_a_dead_web_hook_gets_its_events_once_it_answers_again(
    valkey: Valkey, parking: Made
) -> None:
    with consuming() as consumer:
        consumer.behaviour = lambda _request, _handler: 503
        sink = http_sink(consumer, share=0.001, concurrency=4, mode="batch", batch_size=50)
        forwarding = Forwarding(valkey, sink)
        parked = parking(sink)
        ids = publish_many(valkey, 1_500)
        for _ in range(3):
            forwarding.later(60)
        parked.run()
        assert (parked.parked() >= 500, parked.use("hook").waiting < 20) == (True, True)
        consumer.behaviour = lambda _request, _handler: 204
        for _ in range(30):
            forwarding.later(3_600)
            parked.run(4)
        books = parked.books()
        assert (books.delivered, books.dead, books.parked, books.open) == (1_500, 0, 0, 0)
        assert sorted({x for one in consumer.requests for x in _ids(one)}) == ids


def _ids(request: Any) -> list[str]:
    return [one["id"] for one in request.event]


def test_an_event_that_is_too_old_when_it_comes_back_is_tried_once(
    valkey: Valkey, parking: Made
) -> None:
    with consuming() as consumer:
        sink = http_sink(consumer, share=0.001, give_up_hours=1)
        forwarding = Forwarding(valkey, sink)
        parked = parking(sink)
        publish_many(valkey, 20)
        parked.parker._parkings["hook"].relieve(parked.use("hook"), 20)
        consumer.behaviour = lambda request, _handler: (
            204 if int(request.headers["webhook-id"], 16) % 2 else 500
        )
        parked.run(1)
        forwarding.later(3 * 3_600)
        books = parked.books()
        assert (books.delivered, books.dead, books.open) == (10, 10, 0)
        assert forwarding.dead()[0].reason.startswith("given up")


def test_a_sink_that_sheds_lets_its_oldest_go_and_counts_them(
    valkey: Valkey, parking: Made
) -> None:
    sink = copy_sink(when_full="shed", share=0.05)
    forwarding = Forwarding(valkey, sink)
    shedding = parking(sink, directory=None)
    ids = publish_many(valkey, 2_000)
    shedding.run()
    books = shedding.books()
    assert 0 < books.shed < 2_000
    assert (books.parked, books.open) == (0, 2_000 - books.shed)
    forwarding.run()
    assert copied(forwarding.client) == ids[books.shed :]


def test_a_sink_that_holds_keeps_everything_in_memory(valkey: Valkey, parking: Made) -> None:
    sink = copy_sink(when_full="hold")
    Forwarding(valkey, sink)
    held = parking(sink)
    publish_many(valkey, 500)
    held.run()
    assert held.use("copy").waiting == 500


def test_a_replay_of_what_is_parked_and_its_return_are_one_delivery(
    valkey: Valkey, parking: Made
) -> None:
    sink = copy_sink(share=20)
    forwarding = Forwarding(valkey, sink)
    parked = parking(sink)
    publish_many(valkey, 10)
    entries = [(entry.decode(), fields[b"event"]) for entry, fields in parked.client.xrange(EVENTS)]
    parked.parker._parkings["copy"].relieve(parked.use("copy"), 10)
    assert Requeue(parked.client).send("copy", entries[:3], 1) == 3
    parked.run()
    forwarding.run()
    assert sorted(copied(forwarding.client)) == [f"{n:032x}" for n in range(10)]
    assert parked.books().events == 10


def test_it_is_said_of_one_event_whether_it_is_parked(valkey: Valkey, parking: Made) -> None:
    forwarding = Forwarding(valkey, copy_sink())
    parked = parking(copy_sink())
    publish_many(valkey, 30)
    first, second, third = (forwarding.client.xrange(EVENTS)[n] for n in (0, 19, 20))
    parked.parker._parkings["copy"].relieve(parked.use("copy"), 20)

    def said(entry: tuple[bytes, dict[bytes, bytes]]) -> str:
        name, fields = entry
        (found,) = progress(forwarding.client, {name.decode(): fields[b"event"]}, []).values()
        return found[0][1]

    assert [said(one) for one in (first, second, third)] == [
        *["is parked"] * 2,
        "has not been read yet",
    ]
    parked.run()
    assert said(first) == "will be tried again"
    for _ in range(3):
        forwarding.run()
        parked.run()
    assert {said(one) for one in (first, second, third)} == {"is settled"}
