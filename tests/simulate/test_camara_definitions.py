"""What the simulated operator answers and sends, against CAMARA's own definitions."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from receiver.simulate import scenario as carriers
from receiver.simulate.operator.dialects import DIALECTS, Dialect
from receiver.simulate.operator.scenario import Listing, Scenario
from receiver.simulate.plan import Plan
from receiver.simulate.samples import SAMPLES, build
from receiver.simulate.scenario import Phase, Trouble
from tests.support import camara
from tests.support.camara import QUERIES, RELEASES, Definition, definition
from tests.support.eventually import eventually
from tests.support.operators import PHONE, Simulated, Sink, asked, in_, listening, simulated

pytestmark = camara.needed
NOWHERE = "https://127.0.0.1:1/events"
RUN = "6b00bd49f6e7"
STATES: dict[str, dict[str, Any]] = {
    "data": {"connectivity": ["DATA"]},
    "sms": {"connectivity": ["SMS"]},
    "disconnected": {"connectivity": []},
    "on": {"roaming": True, "country_code": 208, "country_name": ["FR"]},
    "status": {"roaming": False},
    "off": {"roaming": False},
    "change-country": {"country_code": 206, "country_name": ["BE"]},
}


class Api(NamedTuple):
    """One release's definition, and where the operator has it."""

    definition: Definition
    dialect: Dialect
    path: str

    def asked(self, sink: str, event_type: str) -> dict[str, Any]:
        body = asked(sink, event_type, subscriptionExpireTime=in_(3600))
        if not self.dialect.flat:
            return body
        detail = body["config"]["subscriptionDetail"] | {"type": event_type}
        return {"webhook": {"notificationUrl": sink}, "subscriptionDetail": detail}


def _api(release: str) -> Api:
    subject, _, version = release.rpartition(" ")
    name = f"device-{subject}-status-subscriptions" if subject else "device-status"
    dialect = DIALECTS[name, version.replace("wip", "0.9")]
    below = {"0.5": "v0"}.get(version, f"v{version}")
    return Api(definition(RELEASES[release]), dialect, f"/{name}/{below}/subscriptions")


@pytest.fixture(params=RELEASES)
def api(request: pytest.FixtureRequest) -> Api:
    return _api(request.param)


@pytest.fixture
def operator() -> Iterator[Simulated]:
    # The pages of 0.9 are Commonalities' template: no API has adopted them yet.
    with simulated(Scenario(list=Listing(form="array"))) as found:
        yield found


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening() as found:
        yield found


def test_all_four_operations_are_as_the_definition_has_them(api: Api, operator: Simulated) -> None:
    body = api.asked(NOWHERE, api.dialect.types[0])
    headers = operator.token() | {"x-correlator": "a-correlator-1"}
    for status in (201, 202):
        operator.control(
            "settings",
            creation={"answer": status},
            deletion={"answer": 204 if status == 202 else 202},
        )
        made = operator.request("POST", api.path, json=body, headers=headers)
        assert made.status_code == status
        assert made.headers["x-correlator"] == "a-correlator-1"
        found = next(
            iter(each for name, each in made.json().items() if name.lower().endswith("id"))
        )
        answers = [
            operator.request(method, path, headers=headers)
            for method, path in (
                ("GET", api.path),
                ("GET", f"{api.path}/{found}"),
                ("DELETE", f"{api.path}/{found}"),
                ("GET", f"{api.path}/{found}"),
            )
        ]
        assert [each.status_code for each in answers][:2] == [200, 200]
        assert answers[3].status_code == 404
        for answer in (made, *answers):
            api.definition.check(answer)


def test_refusals_are_as_the_definition_has_them(api: Api, operator: Simulated) -> None:
    good = api.asked(NOWHERE, api.dialect.types[0])
    refused = [
        operator.request("POST", api.path, json=good, headers={"authorization": "Bearer x"}),
        operator.request("GET", api.path, headers={"authorization": "Bearer x"}),
        operator.request("POST", api.path, json={}),
        operator.request("POST", api.path, json=good, headers=operator.token(scope="other")),
    ]
    operator.control("settings", creation={"refuse_twins": True}, limits={"quota": 1})
    operator.request("POST", api.path, json=good)
    if not api.dialect.flat:  # 0.5 documents no 429
        refused.append(operator.request("POST", api.path, json=good))
    operator.control("settings", limits={"quota": 0})
    refused.append(operator.request("POST", api.path, json=good))
    statuses = [each.status_code for each in refused]
    assert statuses == [401, 401, 400, 403, *([] if api.dialect.flat else [429]), 409]
    for answer in refused:
        api.definition.check(answer, request=False)


def test_every_event_is_as_the_definition_has_it(api: Api, operator: Simulated, sink: Sink) -> None:
    operator.control("settings", creation={"started": True})
    if api.dialect.started:
        operator.control("settings", limits={"loopback_sinks": True})
    for event_type in api.dialect.types:
        body = api.asked(sink.url, event_type)
        assert operator.request("POST", api.path, json=body).status_code == 201
    for word in ("disconnected", "data", "sms", "on", "change-country", "off"):
        operator.control("devices", device={"phoneNumber": PHONE}, **STATES[word])
    operator.control("end", all=True, reason="NETWORK_TERMINATED")
    eventually(lambda: operator.books()["under_way"] == 0)
    seen = {event["type"] for event in sink.events}
    assert set(api.dialect.types) <= seen
    assert f"{api.dialect.prefix}{api.dialect.end}" in seen
    for event in sink.events:
        schema = api.definition.schema_of(event["type"])
        if "SubscriptionEnd" in schema and "roaming" in api.path:
            # Roaming 0.7 and later require a countryCode of every end, which has none (nor has
            # their own example): a slip of the definition.
            schema = "CloudEvent"
        api.definition.check_schema(schema, event)


def test_what_the_carriers_send_to_a_receiver_is_as_the_definitions_have_it() -> None:
    phases = (Phase(burst=400),)
    plan = Plan(carriers.Scenario(phase=phases, trouble=Trouble(malformed=0, oversized=0)), 1, RUN)
    bodies = [each.body for each in plan if each.subscription]
    bodies += [sample.body for sample in map(build, SAMPLES) if "camara" in sample.path]
    checked = set()
    for event in map(json.loads, bodies):
        api, _, name = event["type"].removeprefix("org.camaraproject.").split(".")
        assert event["source"].startswith(f"/{api}/")
        if subject := next((one for one in ("reachability", "roaming") if one in api), ""):
            found = definition(RELEASES[f"{subject} 0.8"])
            found.check_schema(found.schema_of(event["type"]), event)
            checked.add(name)
    assert checked >= {"roaming-status", "subscription-started", "subscription-updated"}


@pytest.mark.parametrize("release", QUERIES)
@pytest.mark.parametrize("word", ["data", "disconnected", "on", "off"])
def test_the_answer_to_a_status_query_is_as_the_definition_has_it(
    operator: Simulated, release: str, word: str
) -> None:
    subject, _, version = release.partition(" ")
    path = f"/device-{subject}-status/{version}/retrieve"
    device = {"phoneNumber": PHONE}
    operator.control("devices", device=device, **STATES[word])
    answers = [
        operator.request("POST", path, json={"device": device}),
        operator.request("POST", path, json={"device": {}}),
        operator.request("POST", path, json={}),
        operator.request(
            "POST", path, json={"device": device}, headers=operator.token(device=device)
        ),
        operator.request("POST", path, json={"device": device}, headers=operator.token(scope="x")),
        operator.request("POST", path, headers={"authorization": "Bearer x"}, json={}),
    ]
    assert [each.status_code for each in answers] == [200, 400, 422, 422, 403, 401]
    for answer in answers:
        definition(QUERIES[release]).check(answer, request=answer.status_code == 200)


@pytest.mark.parametrize("word", ["data", "sms", "disconnected", "on"])
def test_connectivity_and_roaming_are_those_of_0_5_and_of_att(
    operator: Simulated, word: str
) -> None:
    device = {"phoneNumber": PHONE}
    operator.control("devices", device=device, **STATES[word])
    for question in ("connectivity", "roaming"):
        answer = operator.request("POST", f"/device-status/v0/{question}", json={"device": device})
        definition(RELEASES["0.5"]).check(answer)
    root = "/camara/device-status/v1"
    connected = operator.request("POST", f"{root}/connectivity", json={"device": device}).json()
    assert connected == {
        "connectivityStatus": {"data": "CONNECTED_DATA", "sms": "CONNECTED_SMS"}.get(
            word, "NOT_CONNECTED" if word == "disconnected" else "CONNECTED_DATA"
        ),
        "roaming": word == "on",
    }
    roaming = operator.request("POST", f"{root}/roaming", json={"device": device}).json()
    abroad = {"roaming": True, "countryCode": 208, "countryName": ["FR"]}
    home = {"roaming": False, "countryCode": None, "countryName": None}
    assert roaming == (abroad if word == "on" else home)
