"""Two workers on one host, with one directory for what is parked."""

import structlog

from tests.parking.conftest import Made
from tests.parking.test_parking_faults import come_back, park
from tests.support.forwarding import Forwarding, publish_many
from tests.support.parking import copy_sink
from tests.support.valkey import Valkey


def test_of_two_workers_on_a_host_the_one_without_the_files_speaks_of_no_trouble(
    valkey: Valkey, parking: Made
) -> None:
    forwarding = Forwarding(valkey, copy_sink())
    ids = publish_many(valkey, 500)
    first, second = parking(copy_sink(share=20)), parking(copy_sink(share=20))
    with structlog.testing.capture_logs() as lines:
        first.run(3)
        second.run(3)
    assert not [one for one in lines if one["event"] == "parking.trouble"]
    first.close()
    park(second, 500)
    assert come_back(second, forwarding) == ids
