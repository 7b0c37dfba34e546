"""The steps of CAMARA's test definitions that look at an answer or a notification."""

import re
from datetime import UTC, datetime

from tests.support.camara_world import CORRELATOR, World, step, value
from tests.support.eventually import eventually


@step('the request "(\\w+)" is sent')
def is_sent(world: World, operation: str) -> None:
    world.operation = operation


@step("the response (?:status )?code is (\\d+)(?: or (\\d+))?")
def status_is(world: World, one: str, other: str | None) -> None:
    assert str(world.response.status_code) in (one, other), world.response.text


@step('the response header "Content-Type" is "(.*)"')
def content_type_is(world: World, name: str) -> None:
    assert world.response.headers["content-type"] == name


@step('the response header "x-correlator" has same value .*')
def correlator_is(world: World) -> None:
    assert world.response.headers["x-correlator"] == CORRELATOR


@step('the response body complies with the OAS schema at "#/components/schemas/(\\w+)"')
def body_complies(world: World, schema: str) -> None:
    world.definition.check_schema(schema, world.response.json())


@step('the response body complies with an array of .* "#/components/schemas/(\\w+)"')
def list_complies(world: World, schema: str) -> None:
    assert world.response.json()
    for each in world.response.json():
        world.definition.check_schema(schema, each)


@step("the response body lists all subscriptions .*")
def lists_all(world: World) -> None:
    assert [each["id"] for each in world.response.json()] == [world.made["id"]]


@step("the response body is an empty array")
def list_is_empty(world: World) -> None:
    assert world.response.json() == []


@step("if the response property .* is 204 then .*")
def nothing_after_204(world: World) -> None:
    assert world.response.status_code != 204 or world.response.content == b""


@step("if the response property .* is 202 then .*")
def id_after_202(world: World) -> None:
    assert world.response.status_code != 202 or world.response.json() == {"id": world.made["id"]}


@step("the response properties (.*) are present with the values provided in the request")
def as_in_the_request(world: World, names: str) -> None:
    said = world.response.json()
    for name in re.findall(r'"([^"]*)"', names):
        assert value(said, name) == value(world.body, name) is not None


@step('the response property "[^"]*" is not present in any of the subscription records')
def no_device_in_the_list(world: World) -> None:
    details = [each["config"]["subscriptionDetail"] for each in world.response.json()]
    assert details
    assert all("device" not in detail for detail in details)


@step('the response property "([^"]*)" is not present')
def is_absent(world: World, name: str) -> None:
    assert value(world.response.json(), name) is None


@step('the response property "([^"]*)" is present')
def is_present(world: World, name: str) -> None:
    assert value(world.response.json(), name) is not None


@step('the response property "([^"]*)", if present, has the value (.*)')
def is_one_of(world: World, name: str, values: str) -> None:
    found = value(world.response.json(), name)
    assert found is None or f'"{found}"' in values


@step("the response properties (.*), if present, have a valid value with date-time format")
def are_times(world: World, names: str) -> None:
    for name in re.findall(r'"([^"]*)"', names):
        if (found := value(world.response.json(), name)) is not None:
            assert datetime.fromisoformat(found).tzinfo


@step('the response property "([^"]*)" is present and has a valid date-time .* in the past')
def is_a_past_time(world: World, name: str) -> None:
    found = datetime.fromisoformat(value(world.response.json(), name))
    assert found <= datetime.now(UTC)


@step('the response property "([^"]*)" contains a user.friendly text.*')
def is_text(world: World, name: str) -> None:
    assert len(value(world.response.json(), name)) > 10


@step('the response property "[$].connectivity" includes (?:both )?(.*)')
def connectivity_includes(world: World, names: str) -> None:
    assert set(re.findall(r'"(\w+)"', names)) <= set(world.response.json()["connectivity"])


@step('the response property "[$].countryCode" has the value "(\\d+)" .*')
def country_is(world: World, code: str) -> None:
    assert world.response.json()["countryCode"] == int(code)


@step('the response property "[$].countryName" is a non-empty array containing .*"(\\w\\w)".*')
def country_names_include(world: World, name: str) -> None:
    assert name in world.response.json()["countryName"]


@step('the response property "([^"]*)" is equal to "id"')
def id_is(world: World, name: str) -> None:
    assert value(world.response.json(), name) == world.made["id"]


@step('the response property "([^"]*)" is "?(\\w+)"?')
def property_is(world: World, name: str, wanted: str) -> None:
    found = value(world.response.json(), name)
    assert str(found).lower() == wanted.lower()


@step('event notification "(.*)" is sent to the specified callback URL')
def event_is_sent(world: World, word: str) -> None:
    assert world.event["type"].endswith(f".{word}")


@step("a subscription termination event notification is sent to the callback URL")
def end_is_sent(world: World) -> None:
    if world.operation:
        assert world.response.status_code in (202, 204)
    assert world.event["type"].endswith(".subscription-ended")


@step("the sink credentials specified when the subscription was created are included")
def credentials_are_included(world: World) -> None:
    assert world.event
    # The receiver refuses every other token; an answer is written down after it came.
    eventually(lambda: set(world.operator.books()["deliveries"]) == {"204"})


@step('(?:the )?notification body complies with the OAS schema at "#/components/schemas/(\\w+)"')
def event_complies(world: World, schema: str) -> None:
    if schema == "EventSubscriptionEnds":  # what it was called before 0.8
        schema = "EventSubscriptionEnded" if world.subject == "reachability" else "CloudEvent"
    world.definition.check_schema(schema, world.event)


@step('the notification (?:request )?property "([^"]*)" is (?:equal to )?"id"')
def event_id_is(world: World, name: str) -> None:
    assert value(world.event, name) == world.made["id"]


@step('the notification (?:request )?property "([^"]*)" is (?:equal to )?"(.*)"')
def event_property_is(world: World, name: str, wanted: str) -> None:
    assert value(world.event, name) == wanted


@step('the notification property "([^"]*)" is present and .*')
def event_property_is_there(world: World, name: str) -> None:
    assert value(world.event, name)
