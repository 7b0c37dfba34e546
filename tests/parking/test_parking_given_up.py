"""What is parked of a sink whose disk is lost is given up by a command, and said to be."""

import json
import shutil
from pathlib import Path
from typing import Any

from receiver.contract.redis_keys import SINKS, sink_parking
from receiver.operations import parked_events
from tests.parking.conftest import Made
from tests.support.commands import run
from tests.support.consumer import consuming
from tests.support.forwarding import Forwarding, http_sink, publish_many
from tests.support.parking import copied, copy_sink
from tests.support.valkey import Valkey
from workers.forward.delivery_queue import FAILURES


def test_events_on_a_lost_disk_are_given_up_by_a_command_and_newer_ones_come(
    valkey: Valkey, parking: Made, tmp_path: Path
) -> None:
    forwarding, parked = Forwarding(valkey, copy_sink()), parking(copy_sink())
    ids = publish_many(valkey, 50)
    assert parked.parker._parkings["copy"].relieve(parked.use("copy"), 30)
    parked.close()
    shutil.rmtree(tmp_path / "disk")
    anew = parking(copy_sink())
    anew.run()
    forwarding.run()
    assert (copied(forwarding.client), anew.parked()) == ([], 30)
    assert skip(valkey, tmp_path) == (0, "copy: 30 parked events given up\n")
    forwarding.run()
    assert copied(forwarding.client) == ids[30:]
    books = anew.books()
    assert (books.parked_damaged, books.parked, books.parked_bytes, books.open) == (30, 0, 0, 0)
    assert skip(valkey, tmp_path) == (1, "copy: 0 parked events given up\n")


def test_while_a_worker_has_the_disk_they_are_given_up_only_by_a_yes(
    valkey: Valkey, parking: Made, tmp_path: Path
) -> None:
    Forwarding(valkey, copy_sink())
    parked = parking(copy_sink())
    publish_many(valkey, 3_000)
    parked.run(2)
    assert (skip(valkey, tmp_path)[0], parked.parked()) == (2, 900)
    assert skip(valkey, tmp_path, "--yes")[0] == 0
    assert parked.parked() == 0


def test_a_disk_that_is_found_again_after_that_has_its_files_kept(
    valkey: Valkey, parking: Made, tmp_path: Path
) -> None:
    forwarding, parked = Forwarding(valkey, copy_sink()), parking(copy_sink())
    ids = publish_many(valkey, 50)
    assert parked.parker._parkings["copy"].relieve(parked.use("copy"), 30)
    assert parked_events.skip(parked.client, "copy") == 30
    for _ in range(3):
        parked.run()
        forwarding.run()
    assert copied(forwarding.client) == ids[30:]
    assert len(list((tmp_path / "disk").rglob("*.unclaimed"))) == 1
    publish_many(valkey, 20, first=50)
    assert parked.parker._parkings["copy"].relieve(parked.use("copy"), 20)
    for _ in range(3):
        parked.run()
        forwarding.run()
    assert (len(copied(forwarding.client)), parked.books().parked_damaged) == (40, 30)


def test_what_is_given_up_while_more_is_parked_has_its_files_kept(
    valkey: Valkey, parking: Made, tmp_path: Path
) -> None:
    forwarding, parked = Forwarding(valkey, copy_sink()), parking(copy_sink())
    ids = publish_many(valkey, 50)
    own = parked.parker._parkings["copy"]
    assert own.relieve(parked.use("copy"), 30)
    read = parked.use("copy")
    assert parked_events.skip(parked.client, "copy") == 30
    assert not own.relieve(read, 20)  # what was parked before is this directory's no more
    for _ in range(3):
        parked.run()
        forwarding.run()
    assert copied(forwarding.client) == ids[30:]
    assert len(list((tmp_path / "disk").rglob("*.unclaimed"))) == 1


def test_it_is_listed_what_holds_and_since_when_and_that_a_sink_is_gone_from_the_file(
    valkey: Valkey, parking: Made, tmp_path: Path
) -> None:
    Forwarding(valkey, copy_sink())
    parked = parking(copy_sink())
    client: Any = parked.client
    publish_many(valkey, 30)
    parked.parker._parkings["copy"].relieve(parked.use("copy"), 20)
    since = int(client.time()[0])
    client.hset(SINKS, mapping={"copy:configured": since * 1000, "copy:parks": since * 1000})
    client.hset(sink_parking("copy"), "seen", since * 1000)
    (books,) = listed(valkey, tmp_path)
    assert (books["when_full"], books["state"]) == ("park", "sending")
    assert abs(books["parked_since"] / 1000 - since) < 30
    client.hset(SINKS, mapping={"copy:configured": (since - 3_600) * 1000})
    (books,) = listed(valkey, tmp_path)
    assert books["state"].startswith("not configured any more: in 23 h")
    assert books["state"].endswith("and 20 parked events are given up")


def test_a_failing_sink_is_probed_with_an_event_it_has_not_seen_while_others_are_parked(
    valkey: Valkey, parking: Made
) -> None:
    with consuming() as consumer:
        consumer.behaviour = lambda _request, _handler: 500
        sink = http_sink(consumer, share=0.001, concurrency=1)
        forwarding, parked = Forwarding(valkey, sink), parking(sink)
        ids = publish_many(valkey, FAILURES)
        forwarding.run()
        ids += publish_many(valkey, 20, first=FAILURES)
        assert parked.parker._parkings["hook"].relieve(parked.use("hook"), 10)
        forwarding.later(3_600)
        assert consumer.ids == [*ids[:FAILURES], ids[-10]]
        assert parked.parked() == 10


def listed(valkey: Valkey, tmp_path: Path) -> list[dict[str, Any]]:
    done = run(tmp_path, "sinks", "list", REDIS_URL=valkey.url)
    return [json.loads(line) for line in done.stdout.splitlines()]


def skip(valkey: Valkey, tmp_path: Path, *more: str) -> tuple[int, str]:
    """The exit code, and what was said."""
    done = run(tmp_path, "sinks", "skip-parked", "copy", *more, REDIS_URL=valkey.url)
    return done.returncode, done.stderr
