"""Files in the directory of parked events that are not as they were written, or none of ours."""

import shutil
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from receiver.contract.redis_keys import SINKS, retry_due, sink_parking, sink_state
from tests.parking.conftest import Made
from tests.parking.test_parking_faults import come_back, park, segments
from tests.support.forwarding import Forwarding, publish_many
from tests.support.parking import copy_sink
from tests.support.valkey import Valkey

FOREIGN = {
    "a number of parked events": ("HSET", sink_parking("other"), "total", "many"),
    "the last that was parked": ("HSET", sink_parking("other"), "to", "many"),
    "the last that came back": ("HSET", sink_parking("other"), "returned_to", "many"),
    "the name of a directory": ("HSET", sink_parking("other"), "place", b"\xff"),
    "what is parked": ("SET", sink_parking("other"), "theirs"),
    "its retries": ("SET", retry_due("other"), "theirs"),
    "its ledger": ("HSET", SINKS, "other:filtered", "many"),
}


def test_copies_that_somebody_made_of_files_change_nothing(
    valkey: Valkey, parking: Made, tmp_path: Path
) -> None:
    forwarding, before = Forwarding(valkey, copy_sink()), parking(copy_sink(share=20))
    ids = publish_many(valkey, 1_000)
    park(before, 500, 500)
    before.close()
    first = segments(tmp_path)[0]
    shutil.copy(first, first.with_name("before the upgrade.segment"))
    first.with_name("empty.segment").touch()
    assert come_back(parking(copy_sink(share=20)), forwarding) == ids
    assert [one.stem for one in segments(tmp_path)] == ["before the upgrade", "empty"]


@pytest.mark.parametrize("rubbish", [b"\xff\xfe", b""])
def test_a_damaged_name_of_the_directory_is_said_and_events_come_back_once_it_is_mended(
    valkey: Valkey, parking: Made, tmp_path: Path, rubbish: bytes
) -> None:
    forwarding, parked = Forwarding(valkey, copy_sink()), parking(copy_sink(share=20))
    ids = publish_many(valkey, 500)
    park(parked, 500)
    file = tmp_path / "disk/receiver-parking/place"
    name = file.read_bytes()
    file.write_bytes(rubbish)
    parked.run(3)
    said = parked.client.hget(sink_parking("copy"), "trouble").decode()
    assert said == "its file place is damaged: it holds no name"
    file.write_bytes(name)
    assert come_back(parked, forwarding) == ids


@pytest.mark.parametrize("what", FOREIGN)
def test_what_another_program_wrote_of_one_sink_stops_the_parking_of_no_other(
    valkey: Valkey, parking: Made, what: str
) -> None:
    other, sink = copy_sink(name="other", stream="company:others"), copy_sink()
    Forwarding(valkey, sink), Forwarding(valkey, other)
    parked = parking(other, sink)
    publish_many(valkey, 1_000)
    command, key, *words = FOREIGN[what]
    parked.client.execute_command(command, key, *words)
    with capture_logs() as logs:
        parked.run(20)
    (said,) = [one for one in logs if one["event"] == "parking.trouble"]
    assert (said["sink"], parked.parked("copy") > 0) == ("other", True)
    if command == "SET":
        parked.client.delete(key)
    else:
        parked.client.hdel(key, words[0])
    with capture_logs() as logs:
        parked.run(1)
    assert [one["sink"] for one in logs if one["event"] == "parking.works"] == ["other"]


def test_a_time_that_is_none_of_what_came_back_is_the_sink_s_trouble(
    valkey: Valkey, parking: Made
) -> None:
    forwarding, parked = Forwarding(valkey, copy_sink()), parking(copy_sink(share=20))
    ids = publish_many(valkey, 500)
    park(parked, 500)
    parked.client.hset(sink_state("copy"), "opened", 1)
    parked.client.hset(sink_parking("copy"), "due", "soon")
    parked.run(3)
    assert parked.client.hget(sink_parking("copy"), "trouble")
    parked.client.hdel(sink_parking("copy"), "due")
    assert come_back(parked, forwarding) == ids
