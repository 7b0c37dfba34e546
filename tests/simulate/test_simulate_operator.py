"""`receiver simulate operator`: subscriptions, their events and ends, and its books."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from receiver.simulate.operator.dialects import DIALECTS
from receiver.simulate.operator.scenario import Creation, Deletion, Listing, Scenario
from tests.support.eventually import eventually
from tests.support.operators import (
    DATA,
    DISCONNECTED,
    PHONE,
    V08,
    Simulated,
    Sink,
    asked,
    in_,
    listening,
    simulated,
)

ROAMING = "device-roaming-status-subscriptions"


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening() as found:
        yield found


def test_a_subscription_is_told_of_changes_with_its_credential(
    operator: Simulated, sink: Sink
) -> None:
    made = operator.create(asked(sink.url, DISCONNECTED))
    device = {"phoneNumber": PHONE}
    assert operator.control("devices", device=device, connectivity=["SMS"]) == {"notified": 0}
    assert operator.control("devices", device=device, connectivity=[]) == {"notified": 1}
    [event] = sink.seen("reachability-disconnected")
    assert event["data"] == {"subscriptionId": made["id"], "device": device}
    assert sink.headers[0]["authorization"] == "Bearer a-token-for-the-sink"
    assert sink.headers[0]["content-type"] == "application/cloudevents+json"


@pytest.mark.parametrize(
    ("event_type", "connectivity", "sent"),
    [
        (DATA, ["DATA"], True),
        (DATA, ["SMS"], False),
        (DATA.replace("-data", "-sms"), ["SMS"], True),
        (DATA.replace("-data", "-sms"), ["DATA", "SMS"], False),
        (DISCONNECTED, [], True),
        (DISCONNECTED, ["SMS"], False),
    ],
)
def test_an_initial_event_is_sent_only_where_the_state_is_the_one_subscribed_to(
    operator: Simulated, sink: Sink, event_type: str, connectivity: list[str], sent: bool
) -> None:
    operator.control("devices", device={"phoneNumber": PHONE}, connectivity=connectivity)
    made = operator.create(asked(sink.url, event_type, initialEvent=True))
    assert operator.request("DELETE", f"{V08}/{made['id']}").status_code == 204
    word = event_type.rpartition(".")[2]
    sink.seen(*([word] if sent else []), "subscription-ended")


def test_roaming_is_told_as_the_specification_has_it(operator: Simulated, sink: Sink) -> None:
    path = f"/{ROAMING}/v0.8/subscriptions"
    prefix = f"org.camaraproject.{ROAMING}.v0.roaming-"
    moves: list[tuple[dict[str, Any], set[str]]] = [
        ({"roaming": True, "country_code": 208, "country_name": ["FR"]}, {"status", "on"}),
        ({"country_code": 206, "country_name": ["BE"]}, {"change-country"}),
        ({"roaming": False}, {"status", "off"}),
    ]
    for word in ("status", "on", "off", "change-country"):
        operator.create(asked(sink.url, prefix + word), path)
    for move, words in moves:
        sink.events.clear()
        told = operator.control("devices", device={"phoneNumber": PHONE}, **move)
        assert told == {"notified": len(words)}
        eventually(lambda: len(sink.events) == told["notified"])  # noqa: B023
        assert set(sink.words()) == {f"roaming-{word}" for word in words}
    status = next(each for each in sink.events if each["type"].endswith("status"))
    assert status["data"]["roaming"] is False


def test_maximum_expiry_and_token_each_end_a_subscription_with_their_reason(
    operator: Simulated, sink: Sink
) -> None:
    operator.create(asked(sink.url, initialEvent=True, subscriptionMaxEvents=1))
    assert sink.seen("reachability-data", "subscription-ended")[1]["data"]["terminationReason"] == (
        "MAX_EVENTS_REACHED"
    )
    operator.create(asked(sink.url, subscriptionExpireTime=in_(3600)))
    operator.control("clock", ahead=3601)
    eventually(lambda: len(sink.events) == 3)
    operator.create(asked(sink.url, subscriptionExpireTime=in_(7 * 86_400)))
    operator.control("clock", ahead=86_400)
    eventually(lambda: len(sink.events) == 4)
    reasons = [event["data"]["terminationReason"] for event in sink.events[2:]]
    assert reasons == ["SUBSCRIPTION_EXPIRED", "ACCESS_TOKEN_EXPIRED"]
    assert operator.books()["live"] == 0


@pytest.mark.parametrize("reason", ["NETWORK_TERMINATED", "SUBSCRIPTION_EXPIRED"])
def test_the_operator_ends_subscriptions_on_order(
    operator: Simulated, sink: Sink, reason: str
) -> None:
    made = [operator.create(asked(f"{sink.url}?s={number}")) for number in range(3)]
    assert operator.control("end", id=made[0]["id"], reason=reason) == {"ended": 1}
    [event] = sink.seen("subscription-ended")
    assert event["data"]["terminationReason"] == reason
    assert operator.control("end", sink=f"{sink.url}?s=1", notify=False) == {"ended": 1}
    assert operator.control("end", all=True, notify=False) == {"ended": 1}
    assert [operator.request("GET", f"{V08}/{each['id']}").status_code for each in made] == [
        404
    ] * 3


def test_a_401_of_the_sink_lets_the_subscription_expire_and_is_in_the_books(
    operator: Simulated, sink: Sink
) -> None:
    sink.answer = (401, {})
    operator.create(asked(sink.url, initialEvent=True))
    sink.seen("reachability-data", "subscription-ended")
    eventually(lambda: operator.books()["deliveries"] == {"401": 2})
    assert operator.books()["live"] == 0


@pytest.mark.parametrize(("retry_after", "seconds"), [("3", 3), ("soon", 0), ("²", 0)])
def test_a_429_of_the_sink_is_tried_again_when_it_says(
    operator: Simulated, sink: Sink, retry_after: str, seconds: float
) -> None:
    operator.control("settings", notifications={"pause": 0.01})
    sink.first = [(429, {"retry-after": retry_after})]
    operator.create(asked(sink.url, initialEvent=True))
    eventually(lambda: len(operator.books()["attempts"]) == 2)
    first, second = operator.books()["attempts"]
    assert (first["answer"], second["answer"], second["id"]) == ("429", "204", first["id"])
    began, ended = (datetime.fromisoformat(one["at"]) for one in (first, second))
    assert ended - began > timedelta(seconds=0.9 * seconds)


@pytest.mark.parametrize("kind", ["occurrence", "send"])
def test_the_time_of_an_event_is_when_it_happened_or_when_it_is_sent(
    operator: Simulated, sink: Sink, kind: str
) -> None:
    operator.control("settings", notifications={"time": kind, "delay": 2})
    made = operator.create(asked(sink.url, initialEvent=True))
    [event] = sink.seen("reachability-data")
    told, began = (datetime.fromisoformat(each) for each in (event["time"], made["startsAt"]))
    assert (told - began >= timedelta(seconds=1.9)) == (kind == "send")


def test_asynchronously_the_id_comes_first_and_the_subscription_later(sink: Sink) -> None:
    creation = Creation(answer=202, active_after=3600, started=True)
    with simulated(Scenario(creation=creation, deletion=Deletion(answer=202))) as operator:
        answer = operator.request("POST", V08, json=asked(sink.url))
        assert answer.status_code == 202
        path = f"{V08}/{answer.json()['id']}"
        assert list(answer.json()) == ["id"]
        assert operator.request("GET", path).status_code == 404
        operator.control("clock", ahead=3601)
        sink.seen("subscription-started")
        assert operator.request("GET", path).json()["status"] == "ACTIVE"
        assert operator.request("DELETE", path).status_code == 202
        assert operator.request("GET", path).status_code == 404


def test_an_event_can_come_before_the_answer(sink: Sink) -> None:
    with simulated(Scenario(creation=Creation(event_first=True))) as operator:
        made = operator.create(asked(sink.url, initialEvent=True))
        assert [event["data"]["subscriptionId"] for event in sink.events] == [made["id"]]


@pytest.mark.parametrize(("api", "version"), DIALECTS)
def test_every_version_creates_reads_lists_and_deletes_in_its_own_words(
    operator: Simulated, sink: Sink, api: str, version: str
) -> None:
    dialect = DIALECTS[api, version]
    path = f"/any/root/{api}/v{'0' if version == '0.5' else version}/subscriptions"
    body = asked(sink.url, dialect.types[0])
    if dialect.flat:
        detail = body["config"]["subscriptionDetail"] | {"type": dialect.types[0]}
        body = {"webhook": {"notificationUrl": sink.url}, "subscriptionDetail": detail}
    made = operator.create(body, path)
    found = made["subscriptionId" if dialect.flat else "id"]
    assert operator.request("GET", f"{path}/{found}").json() == made
    listed = operator.request("GET", path).json()
    assert (listed["subscriptions"] if dialect.pages else listed) == [made]
    assert operator.request("DELETE", f"{path}/{found}").status_code == 204
    [event] = sink.seen("subscription-ended" if version in ("0.8", "0.9") else "subscription-ends")
    assert event["type"].startswith(dialect.prefix)
    operator.control("settings", creation={"answer": 202})
    accepted = operator.request("POST", path, json=body).json()
    assert list(accepted) == ["subscriptionId" if version in ("0.5", "0.6") else "id"]


def test_a_list_may_lag_be_capped_and_have_pages(sink: Sink) -> None:
    with simulated(Scenario(list=Listing(lag=3600))) as operator:
        for number in range(25):
            operator.create(asked(f"{sink.url}?s={number}"))
        assert operator.request("GET", V08).json() == []
        operator.control("settings", list={"lag": 0, "cap": 20})
        assert len(operator.request("GET", V08).json()) == 20
        operator.control("settings", list={"cap": 0, "form": "pages"})
        last = operator.request("GET", V08, params={"page": 3, "perPage": 10}).json()
        assert len(last["subscriptions"]) == 5
        assert last["pagination"] == {"page": 3, "perPage": 10, "totalCount": 25, "totalPages": 3}


def test_a_long_life_is_shortened_and_the_answer_says_so(operator: Simulated, sink: Sink) -> None:
    operator.control("settings", limits={"max_seconds": 60})
    assert operator.http.post("/_control/settings", json={"limits": {"x": 1}}).status_code == 400
    made = operator.create(asked(sink.url, subscriptionExpireTime=in_(86_400)))
    assert made["expiresAt"] < in_(61)


def test_the_same_seed_gives_the_same_ids() -> None:
    def ids() -> list[str]:
        with simulated(Scenario(seed=7)) as operator:
            return [operator.create(asked("https://nobody.invalid"))["id"] for _ in range(3)]

    assert ids() == ids()


def test_nothing_of_a_sink_s_token_is_in_the_books(operator: Simulated, sink: Sink) -> None:
    operator.create(asked(sink.url, initialEvent=True))
    sink.seen("reachability-data")
    assert "a-token-for-the-sink" not in json.dumps(operator.books())
