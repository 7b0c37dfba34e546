"""A simulated operator, and time as the keeper of a token sees it."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from tests.support.operators import Simulated, simulated


@pytest.fixture
def operator() -> Iterator[Simulated]:
    with simulated() as found:
        yield found


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Its `now` may be moved."""
    found = SimpleNamespace(now=1000.0)
    found.monotonic = lambda: found.now
    monkeypatch.setattr("receiver.outbound.access_token.time", found)
    return found
