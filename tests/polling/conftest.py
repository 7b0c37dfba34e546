"""Simulated gateways, and a poll at each: of an inbox with one message, of delivery statuses."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import att_gateways
from tests.support.att_gateways import SimulatedGateway
from tests.support.outboxes import Outbox, Watched, outbox
from tests.support.polling import Polled, configured
from tests.support.valkey import Valkey


@pytest.fixture
def double() -> Iterator[SimulatedGateway]:
    with att_gateways.gateway() as found:
        yield found


@pytest.fixture
def polled(valkey: Valkey, tmp_path: Path, double: SimulatedGateway) -> Polled:
    double.control("mo", text="hello")
    return Polled(valkey, tmp_path, configured(double.url, "every = 10"))


@pytest.fixture
def gateway() -> Iterator[Outbox]:
    with outbox() as found:
        yield found


@pytest.fixture
def watched(valkey: Valkey, gateway: Outbox, tmp_path: Path) -> Watched:
    return Watched(valkey, gateway, tmp_path)
