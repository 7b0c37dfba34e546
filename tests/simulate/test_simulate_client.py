"""The client that `receiver simulate` sends with."""

import asyncio

import pytest

from receiver.simulate.http_client import CarrierClient, Target
from receiver.simulate.plan import Planned
from receiver.simulate.rules import Answer
from tests.support.consumer import answering, consuming

EVENT = Planned(
    number=0,
    kind="roaming",
    path="/camara",
    content_type="application/cloudevents+json",
    body=b"{}",
    due=0,
    at=0,
    mark=0,
    subscription="s",
)


def answer_with(retry_after: str) -> Answer:
    """What the client makes of a 429 that says this."""
    with consuming() as receiver:
        receiver.behaviour = answering(429, retry_after=retry_after)

        async def post() -> Answer:
            client = CarrierClient(Target(f"http://{receiver.netloc}", "t"), 20)
            try:
                return await client.post(EVENT, plainly=True)
            finally:
                client.close()

        return asyncio.run(post())


@pytest.mark.parametrize(
    ("value", "seconds"), [("60", 60), ("Fri, 31 Dec 2100 23:59:59 GMT", 3600)]
)
def test_a_retry_after_is_read_in_either_of_its_forms(value: str, seconds: float) -> None:
    assert answer_with(value) == Answer(429, "429", seconds)


@pytest.mark.parametrize("value", ["soon", "²", "-1", ""])
def test_what_is_no_retry_after_asks_for_nothing(value: str) -> None:
    assert answer_with(value) == Answer(429, "429")
