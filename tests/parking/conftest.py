"""Parkers and segment files for the tests of this folder."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from receiver.config.settings import SinkSettings
from tests.parking.test_segment import entries
from tests.support.parking import Parking
from tests.support.valkey import Valkey
from workers.parking.parked_files import ParkedFiles

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


@pytest.fixture
def files(tmp_path: Path) -> Iterator[ParkedFiles]:
    """Three blocks of ten, in one segment."""
    files = ParkedFiles(tmp_path / "billing")
    for number in (0, 10, 20):
        files.append(number, entries(10, number))
    yield files
    files.close()
