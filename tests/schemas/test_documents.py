"""The AsyncAPI document and OpenAPI's `webhooks`: valid, and true of what is sent."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from receiver.carriers import CALLBACKS
from receiver.config.settings import Settings
from receiver.events import TYPES
from receiver.schemas import asyncapi
from receiver.web import openapi
from tests.support import published
from tests.support.commands import ROOT, run

SPECS = ROOT / "node_modules/@asyncapi/specs/schemas/3.0.0-without-$id.json"
OPENAPI: Any = json.loads(json.dumps(openapi.document(CALLBACKS, (), Settings())))


@pytest.mark.skipif(
    not SPECS.exists(), reason="`npm install --no-save @asyncapi/specs@6` is needed"
)
def test_the_asyncapi_document_is_one_by_asyncapi_s_own_meta_schema() -> None:
    Draft7Validator(json.loads(SPECS.read_text("utf-8"))).validate(asyncapi.document())


def test_the_openapi_document_is_one_with_its_web_hooks() -> None:
    OpenAPIV31SpecValidator(OPENAPI).validate()
    assert set(OPENAPI["webhooks"]) == set(TYPES)


def resolved(document: Any, value: Any) -> Any:
    while "$ref" in value:
        found = document
        for part in value["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        value = found
    return value


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = asyncapi.document()

    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return own + [one for inner in value.values() for one in references(inner)]
        return [one for inner in value for one in references(inner)] if type(value) is list else []

    found = references(document)
    assert found
    for reference in found:
        assert resolved(document, {"$ref": reference})
    for operation in document["operations"].values():
        channel = resolved(document, operation["channel"])
        assert set(channel["messages"]) == set(TYPES)


@pytest.mark.parametrize("document", [OPENAPI, asyncapi.document()], ids=["OpenAPI", "AsyncAPI"])
def test_our_samples_are_what_both_documents_say(document: Any) -> None:
    resource = DRAFT202012.create_resource(document)
    registry: Registry[Any] = Registry().with_resource("urn:doc", resource)
    for _, events in published.samples():
        for event in events:
            reference = f"urn:doc#/components/schemas/{TYPES[event['type']].__name__}"
            validator = Draft202012Validator({"$ref": reference}, registry=registry)
            validator.validate(event)
            assert not validator.is_valid(event | {"specversion": "0.3"})


def test_the_command_prints_the_asyncapi_document(tmp_path: Path) -> None:
    done = run(tmp_path, "schema", "--asyncapi")
    assert json.loads(done.stdout) == asyncapi.document()
    both = run(tmp_path, "schema", "--asyncapi", "--all")
    assert both.returncode == 2
