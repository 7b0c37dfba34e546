"""The records, and what a test may order, for which no operator has routes."""

import contextlib
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from receiver.simulate.fault_order import FaultOrders
from receiver.simulate.operator import devices
from receiver.simulate.operator.books import Calls, books
from receiver.simulate.operator.operator import Operator
from receiver.simulate.operator.problems import Refused
from receiver.simulate.operator.scenario import Connectivity, Fault
from receiver.simulate.operator.tokens import Tokens
from receiver.simulate.serving import changed, json, ordered

Reason = Literal[
    "MAX_EVENTS_REACHED",
    "NETWORK_TERMINATED",
    "SUBSCRIPTION_EXPIRED",
    "ACCESS_TOKEN_EXPIRED",
    "SUBSCRIPTION_DELETED",
]


class _Order(Struct, forbid_unknown_fields=True, kw_only=True):
    """What a route takes."""


class ChangeDevice(_Order):
    """An order: the network sees a device change."""

    device: dict[str, Any]
    connectivity: frozenset[Connectivity] | UnsetType = UNSET
    roaming: bool | UnsetType = UNSET
    country_code: int | UnsetType = UNSET
    country_name: tuple[str, ...] | UnsetType = UNSET
    refuse: str | UnsetType = UNSET
    """The error code that requests for it get from now on; empty for none."""


class Select(_Order):
    """Selects subscriptions: by id, by the beginning of their sink, or all."""

    id: str = ""
    sink: str = ""
    everything: bool = field(default=False, name="all")

    def of(self, operator: Operator) -> list[Any]:
        """Return the selected subscriptions; those that ended are not among them."""
        return [
            each
            for each in operator.subscriptions.values()
            if each.there
            and (
                self.everything
                or each.id == self.id
                or (self.sink and each.wanted.sink.startswith(self.sink))
            )
        ]


class End(Select):
    """An order: the operator ends subscriptions."""

    reason: Reason = "NETWORK_TERMINATED"
    notify: bool = True
    """False: without a word, as an operator does that has lost them."""


class SetStatus(Select, kw_only=True):
    """An order: the operator suspends subscriptions, or resumes them."""

    status: Literal["ACTIVE", "INACTIVE"]


class IssueToken(_Order):
    """An order: an access token without the token endpoint."""

    client: str = "simulated-client"
    expires_in: Annotated[float, Meta(ge=-1e9, le=1e9)] = 3600
    """Below nothing: a token that has expired."""
    scope: str | None = None
    """Separated by spaces; absent: everything is allowed."""
    device: dict[str, Any] | None = None
    """Makes it a token that identifies a device ("three-legged")."""


class MoveClock(_Order):
    """An order: the operator's clock is wrong, or time has passed."""

    ahead: Annotated[float, Meta(ge=-1e9, le=1e9)]
    """Seconds before the real time."""


class Control:
    """The routes below `/_control`, and `/_books`."""

    def __init__(
        self, operator: Operator, tokens: Tokens, faults: FaultOrders[Fault], calls: Calls
    ) -> None:
        self._operator = operator
        self._tokens = tokens
        self._faults = faults
        self._calls = calls

    @property
    def routes(self) -> list[Route]:
        """Return all routes; each takes and returns JSON."""
        posts: dict[str, tuple[Any, Any]] = {
            "devices": (ChangeDevice, self._change_device),
            "end": (End, self._end),
            "status": (SetStatus, self._set_status),
            "tokens": (IssueToken, self._issue_token),
            "forget-tokens": (None, self._forget_tokens),
            "faults": (Fault, self._add_fault),
            "clear-faults": (None, self._clear_faults),
            "clock": (MoveClock, self._move_clock),
            "settings": (dict[str, Any], self._change_settings),
        }
        return [
            Route("/_books", self._books, methods=["GET"]),
            *(ordered(f"/_control/{name}", *order) for name, order in posts.items()),
        ]

    async def _books(self, request: Request) -> Response:
        summary = "summary" in request.query_params
        return json(200, books(self._operator, self._calls, self._faults, summary=summary))

    def _change_device(self, order: ChangeDevice) -> dict[str, Any]:
        device = _identified(order.device)
        names = ("connectivity", "roaming", "country_code", "country_name", "refuse")
        state = {name: getattr(order, name) for name in names}
        state = {name: value for name, value in state.items() if value is not UNSET}
        with _wrong_order():
            return {"notified": self._operator.set_state(device, **state)}

    def _end(self, order: End) -> dict[str, Any]:
        found = order.of(self._operator)
        for each in found:
            self._operator.end(each, order.reason, notify=order.notify)
        return {"ended": len(found)}

    def _set_status(self, order: SetStatus) -> dict[str, Any]:
        found = order.of(self._operator)
        for each in found:
            self._operator.set_status(each, order.status)
        return {"changed": len(found)}

    def _issue_token(self, order: IssueToken) -> dict[str, Any]:
        scopes = None if order.scope is None else frozenset(order.scope.split())
        device = order.device and _identified(order.device)
        token = self._tokens.issue(order.client, order.expires_in, scopes, device)
        return {"access_token": token, "token_type": "Bearer", "expires_in": order.expires_in}

    def _forget_tokens(self, _order: None) -> dict[str, Any]:
        self._tokens.forget()
        return {}

    def _add_fault(self, fault: Fault) -> dict[str, Any]:
        self._faults.add([fault])
        return {"faults": self._faults.left}

    def _clear_faults(self, _order: None) -> dict[str, Any]:
        self._faults.clear()
        return {}

    def _move_clock(self, order: MoveClock) -> dict[str, Any]:
        self._operator.clock.set_ahead(order.ahead)
        return {"now": self._operator.clock.now()}

    def _change_settings(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Change sections as in the scenario file; what they do not name stays as it is."""
        self._operator.scenario = changed(self._operator.scenario, changes)
        return {}


def _identified(device: dict[str, Any]) -> dict[str, Any]:
    """Return a device with one identifier. Raises `ValueError`."""
    with _wrong_order():
        found = devices.chosen(devices.checked(device, "device"), devices.IDENTIFIERS)
    assert found is not None  # noqa: S101 - `checked` saw an identifier
    return found


@contextlib.contextmanager
def _wrong_order() -> Iterator[None]:
    """Raise `ValueError` for what the operator would refuse a client."""
    try:
        yield
    except Refused as refused:
        raise ValueError(refused.message) from None
