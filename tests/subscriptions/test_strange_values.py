"""What another program wrote where a controller's values stand stops neither it nor its slots."""

from typing import Any

import pytest

from receiver.contract.redis_keys import (
    subscriptions_orders,
    subscriptions_state,
)
from tests.support.controlling import Controlled
from tests.support.eventually import eventually


@pytest.mark.parametrize("what", ["delete", "adopt"])
@pytest.mark.parametrize("base", ["", "nonsense", "http://127.0.0.1:1/elsewhere/v1"])
def test_an_order_about_a_url_that_is_not_the_operators_is_refused(
    fleet: Controlled, what: str, base: str
) -> None:
    process = fleet.start()
    fleet.settled()
    fleet.order(do=what, base=base, subscription="a")
    eventually(lambda: process.poll() is not None or not orders(fleet))
    assert process.poll() is None
    said = fleet.redis.hget(subscriptions_state("sim"), "refused:a")
    assert said == b"receiver.toml has no such URL of the operator"


def orders(fleet: Controlled) -> int:
    """How many are still to be done."""
    found: Any = fleet.redis.llen(subscriptions_orders("sim"))
    return int(found)
