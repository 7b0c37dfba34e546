"""What a test may order of any simulated server, for which none of them has routes."""

from collections.abc import Callable
from typing import Annotated, Any, Protocol

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from receiver.simulate.clock import Clock
from receiver.simulate.fault_order import FaultOrders
from receiver.simulate.serving import json


class Order(Struct, forbid_unknown_fields=True, kw_only=True):
    """What a route takes."""


class MoveClock(Order):
    """An order: the clock is wrong, or time has passed."""

    ahead: Annotated[float, Meta(ge=-1e9, le=1e9)]
    """Seconds before the real time."""


class Simulated(Protocol):
    """The state of a server."""

    scenario: Any
    clock: Clock

    @property
    def fault_orders(self) -> FaultOrders[Any]:
        """Return the faults on order."""


def routes(
    simulated: Simulated,
    records: Callable[..., dict[str, Any]],
    fault: type[Struct],
    orders: dict[str, tuple[Any, Callable[[Any], dict[str, Any]]]],
) -> list[Route]:
    """Return `/_books` and what is below `/_control`; each takes and returns JSON.

    `records` takes `summary`; `orders` are this server's own: by name, the kind and what carries
    it out.
    """

    async def books(request: Request) -> Response:
        return json(200, records(summary="summary" in request.query_params))

    def add_fault(order: Any) -> dict[str, Any]:
        simulated.fault_orders.add([order])
        return {"faults": simulated.fault_orders.left}

    def clear_faults(_order: None) -> dict[str, Any]:
        simulated.fault_orders.clear()
        return {}

    def move_clock(order: MoveClock) -> dict[str, Any]:
        simulated.clock.set_ahead(order.ahead)
        return {"now": simulated.clock.now()}

    def change_settings(changes: dict[str, Any]) -> dict[str, Any]:
        simulated.scenario = _changed(simulated.scenario, changes)
        return {}

    return [
        Route("/_books", books, methods=["GET"]),
        ordered("/_control/faults", fault, add_fault),
        ordered("/_control/clear-faults", None, clear_faults),
        ordered("/_control/clock", MoveClock, move_clock),
        ordered("/_control/settings", dict[str, Any], change_settings),
        *(ordered(f"/_control/{name}", *order) for name, order in orders.items()),
    ]


def ordered(path: str, kind: Any, act: Callable[[Any], dict[str, Any]]) -> Route:
    """Return a route for orders of a kind, which answers a wrong one with 400 and what is wanted.
    Where `kind` is None what is sent does not matter.
    """

    async def endpoint(request: Request) -> Response:
        try:
            body = await request.body() or b"{}"
            return json(200, act(kind and msgspec.json.decode(body, type=kind)))
        except (ValueError, OverflowError) as error:  # msgspec's are ValueErrors
            return json(400, {"message": str(error)})

    return Route(path, endpoint, methods=["POST"])


def _changed(scenario: Any, changes: dict[str, Any]) -> Any:
    """Return the scenario with some values replaced, section by section, as in its file.

    Raises `msgspec.ValidationError`, and leaves the scenario as it was.
    """
    now: dict[str, Any] = msgspec.to_builtins(scenario)
    for name, value in changes.items():
        inner = now.get(name)
        now[name] = inner | value if isinstance(inner, dict) and isinstance(value, dict) else value
    return msgspec.convert(now, type(scenario))
