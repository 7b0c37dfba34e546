"""An operator whose 202 names its request, and not the subscription: that has another id."""

import json
from collections.abc import Iterator

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.support.controlling import DEVICES, Controlled, event_of
from tests.support.eventually import eventually
from tests.support.operators import Simulated, simulated


def renaming(app: ASGIApp) -> ASGIApp:
    """The application, whose 202 has an id that it knows nothing of."""

    async def renamed(scope: Scope, receive: Receive, send: Send) -> None:
        accepted = False

        async def other(message: Message) -> None:
            nonlocal accepted
            if message["type"] == "http.response.start":
                accepted = message["status"] == 202
                if accepted:
                    names = [(b"content-type", b"application/json")]
                    message = {**message, "headers": names}
            elif accepted and message["type"] == "http.response.body":
                said = json.loads(message["body"])
                message = {**message, "body": json.dumps({"id": "request-" + said["id"]}).encode()}
            await send(message)

        await app(scope, receive, other)

    return renamed


@pytest.fixture
def operator() -> Iterator[Simulated]:
    with simulated(around=renaming) as found:
        found.control("settings", creation={"answer": 202})
        yield found


def test_one_that_is_listed_under_another_id_is_known_by_it(fleet: Controlled) -> None:
    fleet.start()
    fleet.settled()
    assert fleet.requests()["create 202"] == len(DEVICES)


def test_one_that_lives_by_its_events_is_not_deleted_for_its_id(fleet: Controlled) -> None:
    fleet.wants(DEVICES[0])
    fleet.start()
    [attempt] = eventually(lambda: [each for slot in fleet.slots() for each in slot.attempts])
    eventually(lambda: fleet.live())
    [listed] = fleet.live()
    fleet.publish(event_of(attempt.id, listed["id"], reachable=True))
    fleet.settled(DEVICES[0])
    assert fleet.ids() == {listed["id"]}
    assert "delete 204" not in fleet.requests()
