"""A mailbox at the simulated gateway: what comes out is the mailbox, whatever goes wrong."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from receiver.simulate.att_gateway.scenario import Gateway, Scenario
from tests.support.att_gateways import MESSAGES, SimulatedGateway, gateway
from tests.support.polled_mailbox import PolledMailbox
from tests.support.polling import remembered
from tests.support.valkey import Valkey


@pytest.fixture
def double() -> Iterator[SimulatedGateway]:
    with gateway(Scenario(gateway=Gateway(minute=60.0))) as found:
        yield found


@pytest.fixture
def alice(valkey: Valkey, tmp_path: Path, double: SimulatedGateway) -> PolledMailbox:
    found = PolledMailbox(valkey, tmp_path, double.url)
    found.more |= {"ATT_APP_KEY": "simulated-client", "ATT_APP_SECRET": "simulated-secret"}
    asked = found.command("consent", "alice", said="")
    redirected = httpx2.get(asked.stdout.strip(), trust_env=False).headers["location"]
    assert found.command("consent", "alice", said=redirected).exit_code == 0
    return found


def rebuilt(events: list[dict[str, Any]]) -> dict[str, tuple[bool, bool]]:
    """The mailbox as who reads the events has it: message id -> its flags."""
    found: dict[str, tuple[bool, bool]] = {}
    for event in events:
        change, said = event["type"].split(".")[2], event["data"]
        if change == "deleted":
            found.pop(said["messageId"], None)  # it may have come and gone between state and list
        else:
            assert (said["messageId"] in found) == (change == "updated")
            found[said["messageId"]] = (said["unread"], said["favorite"])
    return found


def there(double: SimulatedGateway) -> dict[str, tuple[bool, bool]]:
    found = double.request("GET", f"{MESSAGES}?limit=500&offset=0").json()["messageList"]
    return {x["messageId"]: (x["isUnread"], x["isFavorite"]) for x in found["messages"]}


def test_all_that_a_message_says_comes_out(alice: PolledMailbox, double: SimulatedGateway) -> None:
    alice.once()
    picture = {"name": "a.txt", "content_type": "text/plain", "text": "inside"}
    long = {"text": "a part", "segment": [7, 3, 2], "incoming": False, "unread": False}
    double.control("mailbox", add=[{"subject": "s", "attachments": [picture]}, long])
    assert alice.once().outcome == "messages"
    assert max(remembered(alice.redis)) <= 3600
    found = [event["data"] for event in alice.events()]
    first, second = sorted(found, key=lambda said: str(said["channel"]))  # a delta goes by types
    assert (first["channel"], first["direction"], first["unread"]) == ("mms", "incoming", True)
    (attachment,) = first["attachments"]
    assert (attachment["name"], attachment["contentType"]) == ("a.txt", "text/plain")
    content = alice.command(
        "inbox", "get", "alice", first["messageId"], "--part", str(attachment["part"])
    )
    assert content.stdout == "inside"
    assert second["segment"] == {"reference": 7, "part": 2, "parts": 3}
    assert (second["direction"], second["unread"], second["subject"]) == ("outgoing", False, None)


def test_a_secret_that_was_replaced_at_the_gateway_first_costs_no_consent(
    alice: PolledMailbox, double: SimulatedGateway
) -> None:
    alice.once()
    double.control("forget-tokens")
    good = alice.more["ATT_APP_SECRET"]
    alice.more["ATT_APP_SECRET"] = "the-one-before"
    done = alice.once()
    assert (done.outcome, "401 invalid_client" in done.trouble) == ("unauthorised", True)
    assert "receiver consent" not in done.trouble
    alice.more["ATT_APP_SECRET"] = good
    assert alice.once().outcome == "empty"


def test_the_events_are_the_mailbox_whatever_goes_wrong(
    alice: PolledMailbox, double: SimulatedGateway
) -> None:
    rng, made = random.Random(2), 0
    names: list[str] = []
    for _ in range(40):
        match rng.choice(["add", "add", "flag", "flag", "delete", "fail", "drop", "token", "busy"]):
            case "add":
                names += [f"WU{made + n}" for n in (1, 2)]
                made += 2
                double.control("mailbox", add=[{"text": "t"}] * 2)
            case "flag" if names:
                flags = {"unread": rng.random() < 0.5, "favorite": rng.random() < 0.5}
                double.control("mailbox", update=[{"id": rng.choice(names), **flags}])
            case "delete" if names:
                double.control("mailbox", delete=[names.pop(rng.randrange(len(names)))])
            case "fail":
                double.control("mailbox", failing={f"WU{made + 1}": 4})
            case "drop":
                double.control("mailbox", drop_index=True)
            case "token":
                double.control("forget-tokens")
            case "busy":
                double.control("faults", effect="unavailable", route="messages", times=1)
        if rng.random() < 0.5:
            alice.once()
        if rng.random() < 0.2:  # an hour later, the index may be built again at once
            alice.forget_pauses()
    double.control("clear-faults")
    alice.forget_pauses()
    assert alice.once(times=12).outcome == "empty"
    assert len(names) > 5
    assert rebuilt(alice.events()) == there(double)
