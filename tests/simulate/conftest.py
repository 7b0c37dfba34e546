"""A simulated operator; one AT&T gateway for all tests that need nothing of their own in its
scenario.
"""

from collections.abc import Iterator

import pytest

from tests.support.att_gateways import SimulatedGateway, gateway
from tests.support.operators import Simulated, simulated


@pytest.fixture(scope="session")
def _shared_gateway() -> Iterator[SimulatedGateway]:
    with gateway() as found:
        yield found


@pytest.fixture
def double(_shared_gateway: SimulatedGateway) -> SimulatedGateway:
    """A gateway as at its start."""
    _shared_gateway.control("reset")
    return _shared_gateway


@pytest.fixture
def operator() -> Iterator[Simulated]:
    with simulated() as found:
        yield found
