"""Every request that our client sends to an operator, against CAMARA's own definitions."""

import time
from collections.abc import Iterator

import pytest

from receiver.config.devices import parse_device
from receiver.config.operators import HeadersAuth, Operator
from receiver.config.subscription_sets import TYPES
from receiver.outbound import OperatorClient, device_status
from receiver.simulate.operator.devices import IDENTIFIERS
from receiver.simulate.operator.scenario import Limits, Listing, Scenario
from receiver.subscriptions.api import Api
from receiver.subscriptions.api_versions import (
    CreationRequest,
    creation_body,
    parse_subscription,
)
from tests.support import camara
from tests.support.camara import QUERIES, RELEASES
from tests.support.operators import Simulated, asked, simulated
from tests.support.outbound import ask
from tests.support.sent_requests import Sent, check

pytestmark = camara.needed
DEVICES = ("+12065550100", "someone@example.com", "203.0.113.7:59765", "203.0.113.7", "2001:db8::1")
NOWHERE = "https://127.0.0.1:1/camara/notifications/default?s=rs0123"


@pytest.fixture(scope="module")
def _shared_operator() -> Iterator[Simulated]:
    every = Limits(device_identifiers=IDENTIFIERS)
    with simulated(Scenario(list=Listing(form="array"), limits=every)) as found:
        yield found


@pytest.fixture
def operator(_shared_operator: Simulated) -> Simulated:
    _shared_operator.sent.clear()
    return _shared_operator


def base_of(operator: Simulated, release: str) -> str:
    subject, _, version = release.rpartition(" ")
    api = f"device-{subject}-status-subscriptions" if subject else "device-status"
    return f"{operator.url}/{api}/v{version.replace('0.5', '0')}"


def types_of(release: str) -> list[str]:
    subject = release.partition(" ")[0]
    return [each for each in TYPES if release == "0.5" or each.startswith(subject)]


@pytest.mark.parametrize("release", RELEASES)
def test_each_operation_is_as_the_release_documents_it(operator: Simulated, release: str) -> None:
    base, now = base_of(operator, release), time.time()
    types = types_of(release)
    wanted = [(each, DEVICES[0], True) for each in types]
    wanted += [(types[0], each, False) for each in DEVICES]

    async def act(client: OperatorClient) -> None:
        api = Api(client)
        for event_type, device, initial in wanted:
            request = CreationRequest(
                base=base,
                type=event_type,
                device=parse_device(device) or {},
                sink=NOWHERE,
                token="rs1_" + "t" * 43,
                token_ends=now + 2 * 86_400,
                ends=now + 86_400.123,
                initial_event=initial,
            )
            answer = await api.create(base, creation_body(request))
            made = parse_subscription(answer.document)
            assert answer.status == 201, answer.body
            assert made
            assert (await api.get(base, made.id)).status == 200
            assert [each.id for each in (await api.list(base, now)).items] == [made.id]
            assert (await api.delete(base, made.id)).status == 204

    ask(operator, act)
    assert len(operator.sent) == 4 * len(wanted)
    assert {each.release for each in operator.sent} == {release}
    check(operator.sent)


@pytest.mark.parametrize("release", [*QUERIES, "0.5"])
def test_each_status_query_is_as_the_release_documents_it(
    operator: Simulated, release: str
) -> None:
    subject, _, version = release.partition(" ")
    url = f"{operator.url}/device-{subject}-status/{version}"
    if release == "0.5":
        url = f"{operator.url}/device-status/v0"
    roaming = subject == "roaming"
    who = Operator(
        name="sim",
        auth=HeadersAuth(headers_env={}),
        status="" if roaming else url,
        roaming_status=url if roaming else "",
    )

    async def act(client: OperatorClient) -> None:
        for each in DEVICES:
            found = await device_status.ask(client, who, parse_device(each) or {})
            assert not found.faults

    ask(operator, act)
    assert len(operator.sent) == len(DEVICES) * len(device_status.urls(who))
    assert {each.release for each in operator.sent} == {release}
    check(operator.sent)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"types":[', b'"types":["two",'),
        (b'"protocol":"HTTP"', b'"protocol":"SMTP"'),
        (b'"sink":"https', b'"sink":"ftp'),
        (b'"accessTokenType":"bearer"', b'"accessTokenType":"basic"'),
        (b'"accessTokenExpiresUtc"', b'"accessTokenExpires"'),
        (b'"phoneNumber":"+', b'"phoneNumber":"00'),
    ],
)
def test_a_request_that_is_not_as_documented_is_noticed(
    operator: Simulated, old: bytes, new: bytes
) -> None:
    async def act(client: OperatorClient) -> None:
        await Api(client).create(base_of(operator, "reachability 0.8"), asked(NOWHERE))

    ask(operator, act)
    [sent] = operator.sent
    check([sent])
    assert old in sent.body
    wrong: Sent = sent._replace(body=sent.body.replace(old, new))
    with pytest.raises(Exception):  # noqa: B017, PT011 - openapi-core's and jsonschema's are many
        check([wrong])
    with pytest.raises(AssertionError):
        check([sent._replace(authorized=False)])
