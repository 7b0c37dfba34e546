"""The schemas in `/openapi.json` are valid, take what is documented and refuse what is not."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from receiver.carriers import CALLBACKS
from tests.support.cases import cases

CALLBACKS_BY_PATH = {callback.path: callback for callback in CALLBACKS}
DOCUMENTED = {
    "/att/sms/mo": "att/mo-documented",
    "/att/sms/delivery-status": "att/status-documented",
    "/att/messages": "att/inbox-push-added",
    "/camara/notifications": "camara/reachability-data",
}
_WORDS = frozenset(Draft202012Validator.VALIDATORS)
NOTIFICATION = ("deliveryInfoNotification",)
INFO = (*NOTIFICATION, "deliveryInfo")
PUSHED = ("messageNotifications",)
SEVERAL = (*PUSHED, "subscriptionNotifications")
CHANGES = (*SEVERAL, 0, "notificationEvents")
WRONG: dict[str, list[tuple[tuple[str | int, ...], Any]]] = {
    "/att/sms/mo": [
        ((), []),
        (("SenderAddress",), " "),
        (("SenderAddress",), None),
        (("DestinationAddress",), {}),
        (("DestinationAddress",), ["1", "2"]),
        (("Message",), {}),
        (("DateTime",), {}),
    ],
    "/att/sms/delivery-status": [
        ((), []),
        (NOTIFICATION, []),
        (INFO, []),
        ((*INFO, "address"), " "),
        ((*INFO, "deliveryStatus"), None),
    ],
    "/att/messages": [
        ((), []),
        (PUSHED, []),
        (SEVERAL, {}),
        ((*SEVERAL, 0), "one"),
        (CHANGES, {}),
        ((*CHANGES, 0), "one"),
        ((*CHANGES, 0, "messageId"), ""),
    ],
    "/camara/notifications": [
        ((), []),
        (("specversion",), "0.3"),
        (("specversion",), 2),
        (("id",), ""),
        (("id",), 2**64),
        (("source",), ""),
        (("type",), None),
        (("time",), {}),
        (("time",), 5),
        (("subject",), "\u0001"),
        (("dataschema",), {}),
        (("datacontenttype",), "text/plain"),
        (("traceParent",), "x"),
        (("traceparent",), {}),
    ],
}
REQUIRED: dict[str, list[tuple[str | int, ...]]] = {
    "/att/sms/mo": [("SenderAddress",), ("Message",)],
    "/att/sms/delivery-status": [NOTIFICATION, INFO, (*INFO, "address"), (*INFO, "deliveryStatus")],
    "/att/messages": [PUSHED, SEVERAL, CHANGES, (*CHANGES, 0, "messageId")],
    "/camara/notifications": [("specversion",), ("id",), ("source",), ("type",)],
}


def schemas(path: str) -> list[dict[str, Any]]:
    return [content["schema"] for content in CALLBACKS_BY_PATH[path].content.values()]


def takes(path: str, body: Any) -> set[bool]:
    return {Draft202012Validator(schema).is_valid(body) for schema in schemas(path)}


def documented(path: str) -> Any:
    return json.loads(next(one.body for one in cases() if one.name == DOCUMENTED[path]))


def changed(path: str, place: tuple[str | int, ...], *value: Any) -> Any:
    """The documented body with another value in a place, or without that place."""
    whole = {"body": documented(path)}
    inner: Any = whole
    *way, last = ("body", *place)
    for step in way:
        inner = inner[step]
    if value:
        inner[last] = copy.deepcopy(value[0])
    else:
        del inner[last]
    return whole["body"]


@pytest.mark.parametrize("path", DOCUMENTED)
def test_it_is_a_valid_schema_and_takes_what_is_documented(path: str) -> None:
    assert len(schemas(path)) >= 1
    for schema in schemas(path):
        Draft202012Validator.check_schema(schema)
    assert takes(path, documented(path)) == {True}


def described(schema: Any) -> Iterator[dict[str, Any]]:
    """A schema and all that are in it."""
    if isinstance(schema, dict):
        yield schema
        properties = schema.get("properties", {})
        rest = [value for name, value in schema.items() if name not in ("properties", "const")]
        for inner in (*properties.values(), *rest):
            yield from described(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from described(inner)


@pytest.mark.parametrize("path", DOCUMENTED)
def test_its_words_are_those_of_schemas_and_its_examples_are_valid(path: str) -> None:
    words = {*_WORDS, "description", "examples", "format"}
    for schema in (one for whole in schemas(path) for one in described(whole)):
        assert set(schema) <= words, schema
        for example in schema.get("examples", []):
            assert Draft202012Validator(schema).is_valid(example), example


@pytest.mark.parametrize(
    ("path", "place", "value"), [(path, *one) for path, some in WRONG.items() for one in some]
)
def test_another_value_in_a_place_is_refused(
    path: str, place: tuple[str | int, ...], value: Any
) -> None:
    assert takes(path, changed(path, place, value)) == {False}


@pytest.mark.parametrize(
    ("path", "place"), [(path, one) for path, some in REQUIRED.items() for one in some]
)
def test_what_is_required_may_not_be_left_out(path: str, place: tuple[str | int, ...]) -> None:
    assert takes(path, changed(path, place)) == {False}


@pytest.mark.parametrize(
    ("path", "place", "value"),
    [
        ("/att/sms/mo", ("DestinationAddress",), ["48507"]),
        ("/att/sms/mo", ("DestinationAddress",), [None, None]),
        ("/camara/notifications", ("id",), 7),
        ("/camara/notifications", ("specversion",), 1),
        ("/camara/notifications", ("time",), ""),
        ("/camara/notifications", ("time",), 1_700_000_000),
        ("/camara/notifications", ("subject",), None),
    ],
)
def test_what_senders_write_beside_the_documents_is_taken(
    path: str, place: tuple[str | int, ...], value: Any
) -> None:
    assert takes(path, changed(path, place, value)) == {True}
