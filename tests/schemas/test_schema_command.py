"""`receiver schema`, and the same at `/schemas` of the web process."""

import json
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from receiver.config.settings import load
from receiver.events import TYPES
from receiver.schemas import asyncapi, json_schema
from receiver.web.app import build
from tests.support.commands import run


def test_the_types_are_listed_and_one_schema_is_printed(tmp_path: Path) -> None:
    listed = run(tmp_path, "schema")
    assert [json.loads(line)["type"] for line in listed.stdout.splitlines()] == list(TYPES)
    one = run(tmp_path, "schema", "sms.message.received.v1")
    assert json.loads(one.stdout) == json_schema.document("sms.message.received.v1")
    every = run(tmp_path, "schema", "--all")
    assert json.loads(every.stdout) == json_schema.document(json_schema.EVERY)


def test_a_type_that_is_not_published_is_refused(tmp_path: Path) -> None:
    refused = run(tmp_path, "schema", "sms.message.sent.v1")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "see `receiver schema`" in refused.stderr


@pytest.fixture
def web() -> TestClient:
    return TestClient(build(load({"REDIS_URL": "redis://127.0.0.1:1/0"}, file=False)))


def test_a_schema_is_served_to_anybody_and_may_be_kept(web: TestClient) -> None:
    found = web.get("/schemas/device.roaming.changed.v1.json")
    assert found.json() == json_schema.document("device.roaming.changed.v1")
    assert found.headers["content-type"] == "application/schema+json"
    assert found.headers["cache-control"] == "public, max-age=3600"
    for known in (found.headers["etag"], f'"other", W/{found.headers["etag"]}', "*"):
        again = web.get(found.url.path, headers={"if-none-match": known})
        assert (again.status_code, again.content) == (304, b"")
    assert web.get(found.url.path, headers={"if-none-match": '"other"'}).status_code == 200


def test_a_schema_s_head_may_be_asked_for(web: TestClient) -> None:
    whole, head = (web.request(method, "/schemas/events.json") for method in ("GET", "HEAD"))
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.content))
    assert head.headers["etag"] == whole.headers["etag"]


@pytest.mark.parametrize(
    "name", ["no.such.v1.json", "events", "..%2fopenapi.json", "a%00.json", ""]
)
def test_another_schema_is_not_there(web: TestClient, name: str) -> None:
    missing = web.get(f"/schemas/{name}")
    assert (missing.status_code, missing.json()["status"]) == (404, 404)


def test_the_asyncapi_document_is_served_too(web: TestClient) -> None:
    found = web.get("/asyncapi.json")
    assert found.json() == asyncapi.document()
    assert found.headers["content-type"] == "application/vnd.aai.asyncapi+json;version=3.0.0"
    assert web.head("/asyncapi.json").status_code == 200
