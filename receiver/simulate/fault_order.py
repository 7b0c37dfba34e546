"""Faults on order: which requests each strikes, and how often it has."""

from collections.abc import Iterable
from random import Random
from typing import Generic, Protocol, TypeVar


class _Fault(Protocol):
    @property
    def effect(self) -> str: ...
    @property
    def times(self) -> int: ...
    @property
    def skip(self) -> int: ...
    @property
    def share(self) -> float: ...


F = TypeVar("F", bound=_Fault)


class FaultOrders(Generic[F]):
    """The faults on order; the first one that strikes a request decides."""

    def __init__(self, random: Random, route: str) -> None:
        """`route` names the field of a fault that says of which requests it is."""
        self._random = random
        self._route = route
        self._orders: list[_Order[F]] = []

    def add(self, faults: Iterable[F]) -> None:
        """Add orders behind the others."""
        self._orders += [_Order(fault, getattr(fault, self._route)) for fault in faults]

    def clear(self) -> None:
        """Remove all orders."""
        self._orders.clear()

    def strike(self, route: str) -> F | None:
        """Return the fault of a request, or None. Counts it."""
        found = (one.fault for one in self._orders if one.strikes(route, self._random))
        return next(found, None)

    @property
    def left(self) -> list[dict[str, object]]:
        """Return the orders and how often each has struck, for the records."""
        return [
            {self._route: one.route, "effect": one.fault.effect, "hits": one.hits}
            for one in self._orders
        ]


class _Order(Generic[F]):
    """Counts the requests of one route, or of any, that a fault lets go and that it strikes."""

    def __init__(self, fault: F, route: str) -> None:
        self.fault = fault
        self.route = route
        self.hits = 0
        self._skip = fault.skip

    def strikes(self, route: str, random: Random) -> bool:
        """Return whether it strikes this request. Counts it."""
        # `any` means the APIs: a token endpoint that is down has to be asked for.
        alike = self.route == route or (self.route == "any" and route != "token")
        if not alike or (self.fault.times and self.hits >= self.fault.times):
            return False
        if self._skip:
            self._skip -= 1
            return False
        if self.fault.share < 1 and random.random() >= self.fault.share:
            return False
        self.hits += 1
        return True
