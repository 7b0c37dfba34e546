"""Prism with CAMARA's definition of version 0.8 as the operator that our client talks to."""

import asyncio
import shutil
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from receiver.config.devices import parse_device
from receiver.outbound import Answer, FixedHeaders, Limits, OperatorClient
from receiver.subscriptions import creation_outcome
from receiver.subscriptions.api import Api
from receiver.subscriptions.api_versions import (
    CreationRequest,
    creation_body,
    parse_subscription,
)
from tests.support import camara
from tests.support.camara import FOLDER, RELEASES
from tests.support.commands import ROOT, free_port
from tests.support.eventually import eventually

PRISM = ROOT / "node_modules" / ".bin" / "prism"
pytestmark = [
    camara.needed,
    pytest.mark.skipif(
        not shutil.which("node") or not PRISM.exists(),
        reason="node and `npm install --no-save @stoplight/prism-cli@5` are needed",
    ),
]


@pytest.fixture(scope="module")
def prism(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a running one: it has the paths of the definition below no other."""
    port, log = free_port(), tmp_path_factory.mktemp("prism") / "log"
    file = FOLDER / f"{RELEASES['reachability 0.8']}.yaml"
    command = [str(PRISM), "mock", "--host", "127.0.0.1", "--port", str(port), str(file)]
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            eventually(lambda: process.poll() is not None or _serves(port))
            assert process.poll() is None, log.read_text()
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def _serves(port: int) -> bool:
    try:
        httpx2.get(f"http://127.0.0.1:{port}/", trust_env=False)
    except httpx2.HTTPError:
        return False
    return True


def body_for(base: str, device: str) -> dict[str, Any]:
    request = CreationRequest(
        base=base,
        type="reachability-data",
        device=parse_device(device) or {},
        sink="https://hooks.example.com/camara/notifications/default?s=rs0123",
        token="rs1_" + "t" * 43,
        token_ends=time.time() + 2 * 86_400,
        ends=time.time() + 86_400,
        initial_event=True,
    )
    return creation_body(request)


def created(base: str, body: dict[str, Any], prefer: str = "") -> Answer:
    """The answer to a creation; `prefer` is which one prism is to give."""
    headers = {"authorization": "Bearer a-token"} | ({"prefer": prefer} if prefer else {})

    async def run() -> Answer:
        async with OperatorClient(FixedHeaders(headers), Limits(rate=1000)) as client:
            return await Api(client).create(base, body)

    return asyncio.run(run())


@pytest.mark.parametrize("device", ["+12065550100", "203.0.113.7:59765", "2001:db8::1"])
def test_what_is_created_can_be_read_listed_and_deleted(prism: str, device: str) -> None:
    async def run() -> None:
        who = FixedHeaders({"authorization": "Bearer a-token"})
        async with OperatorClient(who, Limits(rate=1000)) as client:
            api = Api(client)
            answer = await api.create(prism, body_for(prism, device))
            outcome = creation_outcome.classify(answer)
            assert outcome.kind == "active", answer.body
            assert outcome.remote
            read = parse_subscription((await api.get(prism, outcome.remote.id)).document)
            assert read
            assert (read.id, read.type) == (outcome.remote.id, "reachability-data")
            assert [each.id for each in (await api.list(prism, time.time())).items] == [read.id]
            deleted = await api.delete(prism, read.id)
            assert deleted.status in (202, 204)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("prefer", "kind"),
    [
        ("202", "pending"),
        ("400 INVALID_ARGUMENT", "set_refused"),
        ("400 INVALID_SINK", "set_refused"),
        ("401 UNAUTHENTICATED", "unauthorised"),
        ("403 PERMISSION_DENIED", "refused"),
        ("403 SUBSCRIPTION_MISMATCH", "refused"),
        ("409 ABORTED", "retry"),
        ("409 ALREADY_EXISTS", "exists"),
        ("422 SERVICE_NOT_APPLICABLE", "refused"),
        ("422 MISSING_IDENTIFIER", "set_refused"),
        ("422 UNSUPPORTED_IDENTIFIER", "refused"),
        ("422 UNNECESSARY_IDENTIFIER", "set_refused"),
        ("422 MULTIEVENT_SUBSCRIPTION_NOT_SUPPORTED", "refused"),
        ("429 QUOTA_EXCEEDED", "quota"),
        ("429 TOO_MANY_REQUESTS", "retry"),
    ],
)
def test_each_documented_answer_to_a_creation_is_understood(
    prism: str, prefer: str, kind: str
) -> None:
    status, _, code = prefer.partition(" ")
    example = f",example=GENERIC_{status}_{code}" if code else ""
    answer = created(prism, body_for(prism, "+12065550100"), f"code={status}{example}")
    assert (answer.status, answer.code) == (int(status), code)
    outcome = creation_outcome.classify(answer)
    assert outcome.kind == kind
    assert bool(outcome.remote and outcome.remote.id) == (kind == "pending")


def test_a_body_that_is_not_as_documented_is_refused(prism: str) -> None:
    body = body_for(prism, "+12065550100")
    assert created(prism, body).status == 201
    assert created(prism, body | {"sink": "http://hooks.example.com"}).status == 422
    assert created(prism, body | {"types": []}).status == 422
