"""A simulated gateway with one message, and a poll at it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.att_gateways import SimulatedGateway, gateway
from tests.support.polling import Polled, configured
from tests.support.valkey import Valkey


@pytest.fixture
def double() -> Iterator[SimulatedGateway]:
    with gateway() as found:
        yield found


@pytest.fixture
def polled(valkey: Valkey, tmp_path: Path, double: SimulatedGateway) -> Polled:
    double.control("mo", text="hello")
    return Polled(valkey, tmp_path, configured(double.url, "every = 10"))
