"""The official CAMARA definitions, where they lie: they are nobody's files here, but test data."""

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import httpx2
import pytest
import yaml
from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_schema_validator import OAS30Validator, oas30_format_checker
from referencing import Registry
from referencing.jsonschema import DRAFT4

from tests.support.commands import ROOT

DOWNLOADED = ROOT / "var" / "camara"
"""Where `make camara` puts them."""
_PLACES = (DOWNLOADED, ROOT.parent / "shared" / "camara")
FOLDER = Path(
    os.environ.get("CAMARA_SPECS") or next((each for each in _PLACES if each.is_dir()), DOWNLOADED)
)
needed = pytest.mark.skipif(
    not FOLDER.is_dir(),
    reason="CAMARA's definitions are not here: `make camara` fetches them, or CAMARA_SPECS names "
    "a folder that has them",
)
_SERVER = "http://localhost:9091"
"""What the definitions have for `{apiRoot}`."""


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """YAML as JSON has it: times stay text."""

    yaml_implicit_resolvers: ClassVar = {
        first: [each for each in found if each[0] != "tag:yaml.org,2002:timestamp"]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


@dataclass
class _Request:
    """A request as openapi-core wants to see it."""

    path: str
    method: str
    body: bytes | None
    parameters: RequestParameters
    content_type: str = "application/json"
    host_url: str = _SERVER


@dataclass
class _Response:
    """A response as openapi-core wants to see it."""

    data: bytes
    status_code: int
    content_type: str
    headers: dict[str, str]


def _request(method: str, path: str, headers: dict[str, str], body: bytes) -> _Request:
    parameters = RequestParameters(header=headers)
    return _Request(path=path, method=method.lower(), body=body or None, parameters=parameters)


class Definition:
    """One API of one release."""

    def __init__(self, document: dict[str, Any]) -> None:
        for path in document["paths"].values():
            for operation in path.values():
                operation.pop("security", None)  # OpenID Connect: openapi-core knows none of it
        self._openapi = OpenAPI.from_dict(document)
        self._registry = Registry().with_resource("urn:api", DRAFT4.create_resource(document))

    def check(self, answer: httpx2.Response, *, request: bool = True) -> None:
        """Raise what openapi-core raises unless the answer, and its request, are as documented."""
        asked = answer.request
        headers = dict(asked.headers)
        found = _request(asked.method, asked.url.path, headers, asked.content)
        if request:
            self._openapi.validate_request(found)
        content_type = answer.headers.get("content-type", "")
        headers = dict(answer.headers)
        said = _Response(answer.content, answer.status_code, content_type, headers)
        self._openapi.validate_response(found, said)

    def check_request(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        """Raise what openapi-core raises unless a request is as documented; its sink's credential,
        whose discriminator openapi-core does not follow, as `jsonschema` does.
        """
        self._openapi.validate_request(_request(method, path, headers, body))
        document = json.loads(body) if body else {}
        if "sinkCredential" in document:
            self.check_schema("AccessTokenCredential", document["sinkCredential"])

    def check_schema(self, name: str, value: Any) -> None:
        """Raise `jsonschema.ValidationError` unless a value is what a named schema says."""
        schema = {"$ref": f"urn:api#/components/schemas/{name}"}
        validator = OAS30Validator(
            schema, registry=self._registry, format_checker=oas30_format_checker
        )
        validator.validate(value)

    def schema_of(self, event_type: str) -> str:
        """The schema of an event's type, as the discriminator has it."""
        mapping = self._mapping()
        return mapping[event_type].rpartition("/")[2]

    def _mapping(self) -> dict[str, str]:
        contents = self._registry["urn:api"].contents
        found: dict[str, str] = contents["components"]["schemas"]["CloudEvent"]["discriminator"][
            "mapping"
        ]
        return found


@cache
def definition(name: str) -> Definition:
    """The definition in a file, without `.yaml`."""
    text = (FOLDER / f"{name}.yaml").read_text("utf-8")
    return Definition(yaml.load(text, Loader=_Loader))  # noqa: S506 - a safe loader


RELEASES = {
    "0.5": "DeviceStatus@v0.5.1.device-status",
    "reachability 0.6": "DeviceStatus@r1.3.device-reachability-status-subscriptions",
    "reachability 0.7": "DeviceStatus@r2.2.device-reachability-status-subscriptions",
    "reachability 0.8": "DeviceReachabilityStatus@r1.2.device-reachability-status-subscriptions",
    "reachability wip": "DeviceReachabilityStatus@HEAD.device-reachability-status-subscriptions",
    "roaming 0.6": "DeviceStatus@r1.3.device-roaming-status-subscriptions",
    "roaming 0.7": "DeviceStatus@r2.2.device-roaming-status-subscriptions",
    "roaming 0.8": "DeviceRoamingStatus@r1.2.device-roaming-status-subscriptions",
    "roaming wip": "DeviceRoamingStatus@HEAD.device-roaming-status-subscriptions",
}
"""Subscription APIs -> their files."""
QUERIES = {
    "reachability v0.6": "DeviceStatus@r1.3.device-reachability-status",
    "reachability v1": "DeviceReachabilityStatus@r1.2.device-reachability-status",
    "reachability vwip": "DeviceReachabilityStatus@HEAD.device-reachability-status",
    "roaming v0.6": "DeviceStatus@r1.3.device-roaming-status",
    "roaming v1": "DeviceRoamingStatus@r1.2.device-roaming-status",
    "roaming vwip": "DeviceRoamingStatus@HEAD.device-roaming-status",
}
"""Status queries -> their files."""
