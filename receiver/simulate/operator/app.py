"""The whole operator as an ASGI application, and a server for it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from receiver.simulate import serving
from receiver.simulate.operator import answers
from receiver.simulate.operator.api import Api
from receiver.simulate.operator.books import Call
from receiver.simulate.operator.control import Control
from receiver.simulate.operator.operator import Operator
from receiver.simulate.operator.scenario import Scenario
from receiver.simulate.token_endpoint import TokenRefused, read_form


def create(scenario: Scenario) -> Starlette:
    """Return the application. Raises `ScenarioError` for a key file that cannot be read."""
    operator = Operator(scenario)
    api, endpoint = Api(operator), TokenEndpoint(operator)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        clock = asyncio.create_task(operator.clock.run())
        yield
        clock.cancel()
        await operator.deliveries.close()

    every = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return Starlette(
        routes=[
            *Control(operator).routes,
            # AT&T: /oauth/v4/token; others have other paths.
            Route("/token", endpoint.answer, methods=["POST"]),
            Route("/{path:path}/token", endpoint.answer, methods=["POST"]),
            Route("/{path:path}", api.answer, methods=every),
        ],
        lifespan=lifespan,
    )


class TokenEndpoint:
    """Serves `POST …/token` (RFC 6749, 4.4 and 5)."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator

    async def answer(self, request: Request) -> Response:
        """Respond to a token request."""
        call = Call(self._operator.clock.now(), "token")
        grant = partial(self._grant, request)
        return await answers.answer(self._operator, request, call, grant, "camara")

    async def _grant(self, request: Request) -> Response:
        form = await read_form(request)
        here = str(request.url.replace(query=""))
        audience = {here, str(request.base_url), str(request.base_url).rstrip("/")}
        try:
            authorization = request.headers.get("authorization", "")
            granted = self._operator.tokens.grant(form, authorization, audience)
        except TokenRefused as refused:
            return refused.answer()
        answer = serving.json(200, granted)
        answer.headers["cache-control"] = "no-store"
        return answer


def server(scenario: Scenario, host: str, port: int) -> uvicorn.Server:
    """Return a server that is not started yet. Raises `ScenarioError`."""
    return serving.server(create(scenario), host, port)
