"""The records, and what a test may order, for which no operator has routes."""

import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType, field
from starlette.routing import Route

from receiver.simulate import control
from receiver.simulate.control import Order
from receiver.simulate.operator import devices
from receiver.simulate.operator.books import books
from receiver.simulate.operator.operator import Operator
from receiver.simulate.operator.problems import Refused
from receiver.simulate.operator.scenario import Connectivity, Fault

Reason = Literal[
    "MAX_EVENTS_REACHED",
    "NETWORK_TERMINATED",
    "SUBSCRIPTION_EXPIRED",
    "ACCESS_TOKEN_EXPIRED",
    "SUBSCRIPTION_DELETED",
]


class ChangeDevice(Order):
    """An order: the network sees a device change."""

    device: dict[str, Any]
    connectivity: frozenset[Connectivity] | UnsetType = UNSET
    roaming: bool | UnsetType = UNSET
    country_code: int | UnsetType = UNSET
    country_name: tuple[str, ...] | UnsetType = UNSET
    refuse: str | UnsetType = UNSET
    """The error code that requests for it get from now on; empty for none."""


class Select(Order):
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


class IssueToken(Order):
    """An order: an access token without the token endpoint."""

    client: str = "simulated-client"
    expires_in: Annotated[float, Meta(ge=-1e9, le=1e9)] = 3600
    """Below nothing: a token that has expired."""
    scope: str | None = None
    """Separated by spaces; absent: everything is allowed."""
    device: dict[str, Any] | None = None
    """Makes it a token that identifies a device ("three-legged")."""


class Control:
    """The routes below `/_control`, and `/_books`."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator

    @property
    def routes(self) -> list[Route]:
        """Return all routes."""
        orders: dict[str, tuple[Any, Any]] = {
            "devices": (ChangeDevice, self._change_device),
            "end": (End, self._end),
            "status": (SetStatus, self._set_status),
            "tokens": (IssueToken, self._issue_token),
            "forget-tokens": (None, self._forget_tokens),
        }
        return control.routes(self._operator, partial(books, self._operator), Fault, orders)

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
        token = self._operator.tokens.issue(order.client, order.expires_in, scopes, device)
        return {"access_token": token, "token_type": "Bearer", "expires_in": order.expires_in}

    def _forget_tokens(self, _order: None) -> dict[str, Any]:
        self._operator.tokens.forget()
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
