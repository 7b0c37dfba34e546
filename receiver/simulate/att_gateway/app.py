"""The whole gateway as an ASGI application, and a server for it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from receiver.runtime import redis_errors
from receiver.simulate import serving
from receiver.simulate.att_gateway import errors
from receiver.simulate.att_gateway.api import Api
from receiver.simulate.att_gateway.control import Control
from receiver.simulate.att_gateway.errors import Refused
from receiver.simulate.att_gateway.gateway import Gateway
from receiver.simulate.att_gateway.in_app.channels import ChannelsApi
from receiver.simulate.att_gateway.in_app.messages_api import MessagesApi
from receiver.simulate.att_gateway.oauth.oauth_api import OAuthApi
from receiver.simulate.att_gateway.scenario import Scenario
from receiver.simulate.att_gateway.sms.inbox_api import InboxApi
from receiver.simulate.att_gateway.sms.outbox_api import OutboxApi
from receiver.simulate.att_gateway.verdict import Verdict
from receiver.simulate.reader import StreamReader

_GSMA = ("/3/smsmessaging", "/1/smsmessaging", "/{service}/1/smsmessaging")
"""AT&T's root of GSMA's OneAPI, and those of GSMA's own clients."""


Judged = Callable[[Verdict], None]
"""Is told the verdict at the end, if Redis answers then."""


def create(
    scenario: Scenario, reader: StreamReader | None = None, judged: Judged | None = None
) -> Starlette:
    """Return the application. `reader` gives the verdict its stream."""
    gateway = Gateway(scenario)
    api, control = Api(gateway), Control(gateway, reader)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        if reader:
            await reader.begin()
        clock = asyncio.create_task(gateway.clock.run())
        yield
        clock.cancel()
        await gateway.pushes.close()
        if reader:
            if judged:
                with contextlib.suppress(*redis_errors.DOWN):
                    judged(await control.verdict(reader))
            await reader.close()

    return Starlette(
        routes=[
            *control.routes,
            *_oauth(OAuthApi(gateway)),
            *_sms(gateway, api),
            *_messages(MessagesApi(gateway), api),
            *_notifications(ChannelsApi(gateway), api),
            Route("/{path:path}", _unknown, methods=["GET", "POST", "PUT", "DELETE"]),
        ],
        lifespan=lifespan,
    )


def server(
    scenario: Scenario,
    host: str,
    port: int,
    reader: StreamReader | None = None,
    judged: Judged | None = None,
) -> uvicorn.Server:
    """Return a server that is not started yet."""
    return serving.server(create(scenario, reader, judged), host, port)


def _oauth(api: OAuthApi) -> list[Route]:
    return [
        Route("/oauth/v4/token", api.token, methods=["POST"]),
        Route("/oauth/v4/revoke", api.revoke, methods=["POST"]),
        Route("/oauth/v4/authorize", api.authorize, methods=["GET"]),
    ]


def _sms(gateway: Gateway, api: Api) -> list[Route]:
    inbox, outbox = InboxApi(gateway), OutboxApi(gateway)
    att = "/sms/v3/messaging"
    get = api.endpoint("inbox", "SMS", inbox.get)
    send = api.endpoint("send", "SMS", outbox.send)
    status = api.endpoint("status", "SMS", outbox.status)
    return [
        Route(f"{att}/inbox/{{registration}}", get, methods=["GET"]),
        Route(f"{att}/outbox", send, methods=["POST"]),
        Route(f"{att}/outbox/{{id}}", status, methods=["GET"]),
        *(route for root in _GSMA for route in _gsma(root, inbox, outbox, api)),
    ]


def _gsma(root: str, inbox: InboxApi, outbox: OutboxApi, api: Api) -> list[Route]:
    """Return GSMA OneAPI's routes; AT&T has the parts of the last path in another order."""
    get = api.endpoint("inbox", "SMS", inbox.get, gsma=True)
    send = api.endpoint("send", "SMS", outbox.send, gsma=True)
    status = api.endpoint("status", "SMS", outbox.status, gsma=True)
    return [
        Route(f"{root}/inbound/registrations/{{registration}}/messages", get, methods=["GET"]),
        Route(f"{root}/outbound/{{sender}}/requests", send, methods=["POST"]),
        Route(f"{root}/outbound/requests/{{sender}}/{{id}}/deliveryInfos", status, methods=["GET"]),
        Route(f"{root}/outbound/{{sender}}/requests/{{id}}/deliveryInfos", status, methods=["GET"]),
    ]


def _messages(found: MessagesApi, api: Api) -> list[Route]:
    root = "/myMessages/v2"
    one, scope = f"{root}/messages/{{id}}", "MIM"
    routes = [
        ("POST", f"{root}/messages/index", "index", scope, found.index),
        ("GET", f"{root}/messages/index/info", "index", scope, found.index_info),
        ("GET", f"{root}/delta", "messages", scope, found.delta),
        ("GET", f"{root}/messages", "messages", scope, found.list),
        ("PUT", f"{root}/messages", "messages", scope, found.update_many),
        ("DELETE", f"{root}/messages", "messages", scope, found.delete_many),
        ("POST", f"{root}/messages", "send", "IMMN", found.send),
        ("GET", one, "messages", scope, found.get),
        ("PUT", one, "messages", scope, found.update),
        ("DELETE", one, "messages", scope, found.delete),
        ("GET", f"{one}/parts/{{part}}", "messages", scope, found.part),
    ]
    return [
        Route(path, api.endpoint(route, needs, act), methods=[method])
        for method, path, route, needs, act in routes
    ]


def _notifications(found: ChannelsApi, api: Api) -> list[Route]:
    root = "/notification/v1/channels"
    one = f"{root}/{{channel}}"
    routes = [
        (["POST"], root, found.create_channel),
        (["GET", "DELETE"], one, found.channel),
        (["POST"], f"{one}/subscriptions", found.subscribe),
        (["GET", "PUT", "DELETE"], f"{one}/subscriptions/{{subscription}}", found.subscription),
    ]
    return [
        Route(path, api.endpoint("notification", "", act), methods=methods)
        for methods, path, act in routes
    ]


async def _unknown(_request: Request) -> Response:
    document = errors.body(Refused(404, "SVC0002", "path"), gsma=False, xml=False)
    return Response(document, 404, media_type="application/json")
