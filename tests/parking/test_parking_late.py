"""A script that parks, whose reply is lost and which Redis reads late: a line that was cut for a
while still delivers what was sent before.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.parking.conftest import Made
from tests.parking.test_parking_faults import come_back, segments
from tests.support.forwarding import Forwarding, publish_many
from tests.support.parking import Parking, copy_sink
from tests.support.valkey import Valkey


def sent(parked: Parking, events: int) -> Callable[[], Any]:
    """Park so many events, of which Redis hears nothing yet. Returns what has Redis hear of it."""
    own: Any = parked.parker._parkings["copy"]
    script, calls = own._park_script, list[dict[str, Any]]()

    def lost(**call: Any) -> None:
        calls.append(call)
        raise redis.TimeoutError

    own._park_script = lost
    with pytest.raises(redis.TimeoutError):
        own.relieve(parked.use("copy"), events)
    own._park_script = script
    return lambda: script(**calls[0])


@pytest.mark.parametrize("restarted", [False, True])
def test_what_comes_late_parks_nothing_of_which_the_file_is_gone(
    valkey: Valkey, parking: Made, tmp_path: Path, restarted: bool
) -> None:
    forwarding, parked = Forwarding(valkey, copy_sink()), parking(copy_sink())
    ids = publish_many(valkey, 40)
    comes_in = sent(parked, 20)
    if restarted:
        parked.close()
        parked = parking(copy_sink())
    parked.parker._parkings["copy"].update_files(parked.use("copy"))
    assert segments(tmp_path) == []
    assert not comes_in()
    assert come_back(parked, forwarding) == ids
    assert parked.books().parked_damaged == 0


def test_of_what_comes_in_before_its_file_is_deleted_the_file_stays(
    valkey: Valkey, parking: Made
) -> None:
    forwarding, parked = Forwarding(valkey, copy_sink()), parking(copy_sink())
    ids = publish_many(valkey, 40)
    comes_in = sent(parked, 20)
    own: Any = parked.parker._parkings["copy"]
    looked = own._done

    def meanwhile() -> Any:
        found = looked()
        assert comes_in()
        return found

    own._done = meanwhile
    assert own.update_files(parked.use("copy")) is None
    own._done = looked
    assert parked.books().parked == 20
    assert come_back(parked, forwarding) == ids
    assert parked.books().parked_damaged == 0


def test_after_a_lost_reply_the_same_events_are_parked_at_once(
    valkey: Valkey, parking: Made
) -> None:
    forwarding, parked = Forwarding(valkey, copy_sink()), parking(copy_sink())
    ids = publish_many(valkey, 40)
    comes_in = sent(parked, 20)
    own, use = parked.parker._parkings["copy"], parked.use("copy")
    turned = own.update_files(use)
    assert turned
    assert own.relieve(turned, 20)
    assert not comes_in()
    assert parked.books().parked == 20
    assert come_back(parked, forwarding) == ids
