"""A parker killed with SIGKILL at every step: every event arrives, once and in order."""

import signal
from pathlib import Path

import pytest

from tests.parking.conftest import Made
from tests.support.dying_parker import POINTS, dying
from tests.support.forwarding import Forwarding, publish_many
from tests.support.parking import copied, copy_sink
from tests.support.valkey import Valkey

TOML = '[[sink]]\nname = "copy"\nkind = "redis-stream"\nstream = "company:events"\nshare = 0.001\n'


@pytest.mark.parametrize("point", POINTS)
def test_a_parker_killed_at_any_point_costs_nothing(
    valkey: Valkey, parking: Made, tmp_path: Path, point: str
) -> None:
    forwarding = Forwarding(valkey, copy_sink())
    ids = publish_many(valkey, 1_300)
    (tmp_path / "receiver.toml").write_text(TOML)
    with dying(point, tmp_path, valkey) as killed:
        assert killed.wait(60) == -signal.SIGKILL
    parked = parking(copy_sink())
    assert parked.books().events == 1_300
    for _ in range(15):
        parked.run()
        forwarding.run()
    assert copied(forwarding.client) == ids
    books = parked.books()
    assert (books.delivered, books.parked_damaged, books.parked, books.open) == (1_300, 0, 0, 0)
    parked.run()
    own = tmp_path / "disk" / "receiver-parking"
    left = [path.relative_to(own).as_posix() for path in own.rglob("*") if path.is_file()]
    assert sorted(left) == ["copy/lock", "place"]
