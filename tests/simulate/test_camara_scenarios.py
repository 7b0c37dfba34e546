"""CAMARA's own test definitions (Gherkin): the simulated operator, and our receiver as the sink."""

from collections.abc import Iterator

import pytest
from pytest_bdd import given, parsers, scenarios, then, when

from receiver.simulate.operator.scenario import Listing, Scenario
from tests.support import camara_answers, camara_requests, camara_state_changes
from tests.support.camara import FOLDER
from tests.support.camara_world import ReceiverSink, World
from tests.support.operators import asked, simulated
from tests.support.running import Receiver
from tests.support.valkey import Valkey

STEPS_OF = (camara_requests, camara_state_changes, camara_answers)
"""Imported for the steps that they register."""

if FOLDER.is_dir():
    scenarios(str(FOLDER))
else:

    @pytest.mark.skip(reason="CAMARA's test definitions are not here: set CAMARA_SPECS")
    def test_the_scenarios_of_camara_pass() -> None: ...


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """One for all scenarios, with the token that they give their subscriptions."""
    valkey = Valkey()
    found = Receiver(valkey, tmp_path_factory.mktemp("receiver"))
    found.also(RECEIVER_BEARER_TOKENS=asked("")["sinkCredential"]["accessToken"])
    try:
        yield found.start()
    finally:
        found.stop()
        valkey.stop()


@pytest.fixture
def world(receiver: Receiver) -> Iterator[World]:
    """A scenario's world. The pages of 0.9 are no API's yet: the scenarios want an array."""
    with simulated(Scenario(list=Listing(form="array"))) as operator:
        yield World(operator, ReceiverSink(receiver))


@given(parsers.re("(?P<text>.+)"))
@when(parsers.re("(?P<text>.+)"))
@then(parsers.re("(?P<text>.+)"))
def step(world: World, text: str) -> None:
    """Any step."""
    world.do(text)
