"""The steps of CAMARA's test definitions that prepare a request."""

from tests.support.camara_world import DEVICE, NOWHERE, World, step
from tests.support.operators import asked, in_


@step('(?:an environment at "apiRoot")', 'the header "Content-Type" is set to "application/json"')
@step('the header "x-correlator" complies with .*', "that some types of device identifiers .*")
@step("that the service is not available for all devices .*", "the API consumer has no active .*")
@step('(?:the|a) request body (?:that )?is compliant with the (?:OAS )?schema (?:at )?"[^"]*"')
@step("the request body is set (?:by default )?to a (?:valid )?request body(?: compliant with .*)?")
@step("a valid testing device .*", "a valid phone number identified by .*")
@step('.*property "[^"]*sink" is (?:set to )?a valid callback ?(?:URL|Url)')
@step("the device is supported by the service, and may be .*")
@step('the path parameter "subscriptionId" is (?:set|equal) to "id"', "a valid .*2- or 3-legged .*")
@step('.*property "[$].protocol" is (?:set|equal) to "HTTP"')
@step('.*property "[^"]*" is equal to "(?:bearer|ACCESSTOKEN)"')
def nothing(world: World) -> None:
    """What the default request has already."""


@step('the resource ".*(/device-(\\w+)-status(?:-subscriptions)?/vwip/\\w+)".*')
def resource(world: World, path: str, subject: str) -> None:
    world.path, world.subject = path, subject
    world.headers = world.operator.token()
    query = path.endswith("retrieve")
    world.body = {"device": DEVICE} if query else asked(NOWHERE, world.types[0])


@step('.*"Authorization" is set to a valid access token(?: which does not .*)?')
def two_legged(world: World) -> None:
    world.headers = world.operator.token()


@step('.*"Authorization" is set to a valid access token (?:which identifies|identifying) .*')
def three_legged(world: World) -> None:
    world.headers = world.operator.token(device=DEVICE)
    world.set_device(None)


@step('.*"Authorization" is set to an? .*expired access token')
def expired(world: World) -> None:
    world.headers = world.operator.token(expires_in=-1)


@step('.*"Authorization" is set to a malformed token')
def malformed(world: World) -> None:
    world.headers = {"authorization": "Bearer mal formed"}


@step('.*"Authorization" is removed')
def unauthorized(world: World) -> None:
    world.headers = {}


@step('.*access token (?:does )?not includ(?:e|ing) scope ".*"')
def without_scope(world: World) -> None:
    world.headers = world.operator.token(scope="another:scope")


@step("the access token includes only a single subscription scope")
def with_one_scope(world: World) -> None:
    world.headers = world.operator.token(scope=f"{world.api}:{world.types[0]}:create")


@step("the request body is not compliant with the schema .*")
def not_compliant(world: World) -> None:
    world.body = {"sink": 7}


@step('.*request (?:body )?property "[$].types" is (?:equal to|one of the allowed values) "(.*)"')
def types_are(world: World, event_type: str) -> None:
    world.body["types"] = [event_type]


@step('.*property "[$].types" is set to an invalid value')
def invalid_types(world: World) -> None:
    world.body["types"] = ["org.camaraproject.nothing"]


@step('.*property "[$].types" is equal to a valid type other than .*')
def other_types(world: World) -> None:
    world.body["types"] = [world.types[1]]


@step('.*property "[$].types" includes more than one .*')
def two_types(world: World) -> None:
    world.body["types"] = list(world.types[:2])


@step('.*property "[$].device" is set to: {}')
def empty_device(world: World) -> None:
    world.set_device({})


@step('.*property "[$].device.(\\w+)" does not comply with .*')
def bad_device(world: World, name: str) -> None:
    world.set_device({name: "not-a-value" if name != "networkIdentifier" else 7})


@step('.*property "[$].device" is compliant with the schema,? but does not identify .*')
def unknown_device(world: World) -> None:
    world.change(refuse="IDENTIFIER_NOT_FOUND")


@step('.*property "[$].device" is (?:also )?set to a valid device, .*')
def device_as_well(world: World) -> None:
    world.set_device(DEVICE)


@step('.*property "[$].(?:device|config[^"]*)" is not (?:included|present)')
def no_device(world: World) -> None:
    world.set_device(None)


@step('.*property "[$].device" only includes device identifiers not supported .*')
def unsupported_device(world: World) -> None:
    world.set_device({"networkAccessIdentifier": "123456789@example.com"})


@step("a valid device, .* for which the service is not applicable")
def service_not_applicable(world: World) -> None:
    world.change(refuse="SERVICE_NOT_APPLICABLE")


@step('.*property "[$].config.subscriptionExpireTime" is set to a time in the past')
def past(world: World) -> None:
    world.body["config"]["subscriptionExpireTime"] = in_(-3600)


@step('.*property "[$].protocol" is not equal to "HTTP"')
def other_protocol(world: World) -> None:
    world.body["protocol"] = "MQTT5"


@step('.*property "[$].sink" is set to "(azerty)"')
def bad_sink(world: World, sink: str) -> None:
    world.body["sink"] = sink


@step('.*property "[$].sinkCredential.(credentialType|accessTokenType)" is not equal to .*')
def other_credential(world: World, name: str) -> None:
    world.body["sinkCredential"][name] = {"credentialType": "PLAIN"}.get(name, "mac")


@step("a valid target device, identified by either .*")
def asynchronously(world: World) -> None:
    world.operator.control("settings", creation={"answer": 202})


@step('.*valid subscription for .* device exists with "subscriptionId" equal to "id"')
def subscribed(world: World) -> None:
    world.wanted = asked(world.sink.url, world.types[0])


@step("a subscription exists and .*", "at least one subscription is existing .*")
@step("the API consumer has (?:an|at least one) active subscription .*")
def existing(world: World) -> None:
    assert world.made["id"]


@step('the subscription property "[$].types" contains the element "(.*)"')
def subscribed_to(world: World, event_type: str) -> None:
    world.wanted["types"] = [event_type]


@step('the subscription property "[$].subscriptionMaxEvents" is set to 1')
def one_event(world: World) -> None:
    world.wanted["config"] |= {"subscriptionMaxEvents": 1}


@step('the subscription property "[$].subscriptionExpireTime" is set to .*')
def expires_soon(world: World) -> None:
    world.wanted["config"] |= {"subscriptionExpireTime": in_(60)}


@step('that there is no valid subscription with "subscriptionId" equal to "id"')
def no_such_id(world: World) -> None:
    world.id = "nobody-s-id"
