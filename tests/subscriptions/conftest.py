"""A simulated operator, a sink and Redis, with a controller to be started between them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.controlling import Controlled, controlled
from tests.support.operators import Simulated, Sink, listening, simulated
from tests.support.sent_requests import check
from tests.support.valkey import Valkey


@pytest.fixture
def operator() -> Iterator[Simulated]:
    with simulated() as found:
        yield found


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening() as found:
        yield found


@pytest.fixture
def fleet(valkey: Valkey, operator: Simulated, sink: Sink, tmp_path: Path) -> Iterator[Controlled]:
    """What its controllers send is as CAMARA documents it, whatever the test makes happen."""
    with controlled(valkey, operator, sink, tmp_path) as found:
        yield found
    check(operator.sent)
