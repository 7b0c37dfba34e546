"""The JSON Schemas are valid, and every event that we publish is what they say, and no more."""

from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from receiver.contract.records import numbered
from receiver.events import TYPES, UnknownEvent, parse
from receiver.events.schema_uri import DATA_SCHEMAS
from receiver.schemas import json_schema
from tests.support import published

Published = list[dict[str, Any]]
FOUND = [*published.recorded(), *published.samples(), *published.polled()]


def closed(schema: Any) -> Any:
    """The same schema, for which whatever it does not name is a fault."""
    if isinstance(schema, dict):
        said = {name: closed(inner) for name, inner in schema.items()}
        return said | ({"additionalProperties": False} if "properties" in schema else {})
    return [closed(one) for one in schema] if isinstance(schema, list) else schema


STRICT = {
    name: Draft202012Validator(
        closed(json_schema.document(name)), format_checker=Draft202012Validator.FORMAT_CHECKER
    )
    for name in json_schema.names()
}


@pytest.mark.parametrize("name", json_schema.names())
def test_a_schema_is_one_by_the_official_meta_schema(name: str) -> None:
    Draft202012Validator.check_schema(json_schema.document(name))


@pytest.mark.parametrize(("name", "events"), FOUND, ids=[name for name, _ in FOUND])
def test_every_event_has_just_the_attributes_and_fields_of_its_schema(
    name: str, events: Published
) -> None:
    for event in events:
        STRICT[event["type"]].validate(event)
        assert event["dataschema"] == DATA_SCHEMAS[event["type"]]
        assert not isinstance(parse(event), UnknownEvent)


def test_every_type_is_among_what_these_lead_to() -> None:
    seen = {event["type"] for _, events in FOUND for event in events}
    assert seen == set(TYPES)


def test_an_event_of_any_type_is_one_by_the_schema_of_all() -> None:
    for _, events in published.samples():
        for event in events:
            STRICT[json_schema.EVERY].validate(event)
            assert not STRICT[json_schema.EVERY].is_valid(event | {"type": "of.another.v1"})


def test_what_is_added_on_the_way_out_is_in_the_schema() -> None:
    [event] = dict(published.samples())["mo"]
    more = {"replayed": True, "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad-01"}
    sent = msgspec.json.decode(numbered("1764000000123-7", msgspec.json.encode(event | more)))
    assert sent["sequence"] == "1764000000123-0000000007"
    STRICT[event["type"]].validate(sent | {"tracestate": "a=b"})
    STRICT[event["type"]].validate(event | {"generation": 2, "subscriptionset": "fleet"})
    assert not STRICT[event["type"]].is_valid(event | {"nextattribute": "x"})


@pytest.mark.parametrize("name", TYPES)
def test_dataschema_leads_to_the_part_that_describes_the_data(name: str) -> None:
    schema = json_schema.document(name)
    assert DATA_SCHEMAS[name] == f"{schema['$id']}#data"
    [described] = [one for one in schema["$defs"].values() if one.get("$anchor") == "data"]
    assert "raw" in described["required"]


ANYTHING = {"raw", "device", "payload"}
"""Fields that may be an object."""


@pytest.mark.parametrize("name", ["mo", "delivery-status", "roaming", "subscription-ended"])
def test_what_lacks_something_or_has_it_as_another_type_is_no_event(name: str) -> None:
    [event] = dict(published.samples())[name]
    schema, validator = json_schema.document(event["type"]), STRICT[event["type"]]
    [data] = [one for one in schema["$defs"].values() if one.get("$anchor") == "data"]
    for part, described in ((event, schema), (event["data"], data)):
        for field, value in list(part.items()):
            del part[field]
            assert validator.is_valid(event) == (field not in described["required"]), field
            part[field] = {"an": "object"}
            assert validator.is_valid(event) == (field in ANYTHING), field
            part[field] = value
    validator.validate(event)
