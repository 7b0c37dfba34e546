"""The whole operator as an ASGI application, and a server for it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from receiver.simulate import serving
from receiver.simulate.fault_order import FaultOrders
from receiver.simulate.operator import answers
from receiver.simulate.operator.api import Api
from receiver.simulate.operator.books import Call, Calls
from receiver.simulate.operator.control import Control
from receiver.simulate.operator.operator import Operator
from receiver.simulate.operator.scenario import Fault, Scenario
from receiver.simulate.operator.tokens import Tokens
from receiver.simulate.token_refused import TokenRefused


def create(scenario: Scenario) -> Starlette:
    """Return the application. Raises `ScenarioError` for a key file that cannot be read."""
    operator = Operator(scenario)
    tokens = Tokens(lambda: operator.scenario, operator.clock.now)
    faults: FaultOrders[Fault] = FaultOrders(operator.random, "operation")
    faults.add(scenario.fault)
    calls = Calls()
    api = Api(operator, tokens, faults, calls)
    endpoint = TokenEndpoint(operator, tokens, faults, calls)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        clock = asyncio.create_task(operator.clock.run())
        yield
        clock.cancel()
        await operator.deliveries.close()

    every = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return Starlette(
        routes=[
            *Control(operator, tokens, faults, calls).routes,
            # AT&T: /oauth/v4/token; others have other paths.
            Route("/token", endpoint.answer, methods=["POST"]),
            Route("/{path:path}/token", endpoint.answer, methods=["POST"]),
            Route("/{path:path}", api.answer, methods=every),
        ],
        lifespan=lifespan,
    )


class TokenEndpoint:
    """Serves `POST …/token` (RFC 6749, 4.4 and 5)."""

    def __init__(
        self, operator: Operator, tokens: Tokens, faults: FaultOrders[Fault], calls: Calls
    ) -> None:
        self._operator = operator
        self._tokens = tokens
        self._faults = faults
        self._calls = calls

    async def answer(self, request: Request) -> Response:
        """Respond to a token request."""
        fault = self._faults.strike("token")
        grant = partial(self._grant, request)
        answer = await answers.with_fault(fault, request, grant, "camara")
        status = 0 if isinstance(answer, answers.Cut) else answer.status_code
        effect = fault.effect if fault else ""
        self._calls.note(Call(self._operator.clock.now(), "token", "", "", status, effect))
        return answer

    async def _grant(self, request: Request) -> Response:
        body = (await request.body()).decode("utf-8", "replace")
        form = dict(parse_qsl(body, keep_blank_values=True))
        here = str(request.url.replace(query=""))
        audience = {here, str(request.base_url), str(request.base_url).rstrip("/")}
        try:
            granted = self._tokens.grant(form, request.headers.get("authorization", ""), audience)
        except TokenRefused as refused:
            document = {"error": refused.error, "error_description": refused.description}
            return serving.json(refused.status, document)
        answer = serving.json(200, granted)
        answer.headers["cache-control"] = "no-store"
        return answer


def server(scenario: Scenario, host: str, port: int) -> uvicorn.Server:
    """Return a server that is not started yet. Raises `ScenarioError`."""
    return serving.server(create(scenario), host, port, answers.Protocol)
