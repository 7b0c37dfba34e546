"""Parkers for the tests of this folder."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from receiver.config.settings import SinkSettings
from tests.support.parking import Parking
from tests.support.valkey import Valkey

Made = Callable[..., Parking]


@pytest.fixture
def parking(valkey: Valkey, tmp_path: Path) -> Iterator[Made]:
    """Makes parkers, all of them on the same disk unless told otherwise."""
    made: list[Parking] = []

    def make(*sinks: SinkSettings, directory: Path | None = tmp_path / "disk") -> Parking:
        made.append(Parking(valkey, directory, *sinks))
        return made[-1]

    yield make
    for one in made:
        one.close()
