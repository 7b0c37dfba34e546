"""A fault on order: which requests it strikes, and how often it has."""

from random import Random
from typing import Generic, Protocol, TypeVar


class _Fault(Protocol):
    @property
    def times(self) -> int: ...
    @property
    def skip(self) -> int: ...
    @property
    def share(self) -> float: ...


F = TypeVar("F", bound=_Fault)


class FaultOrder(Generic[F]):
    """Counts the requests of one route, or of any, that a fault lets go and that it strikes."""

    def __init__(self, fault: F, route: str) -> None:
        self.fault = fault
        self.hits = 0
        self._route = route
        self._skip = fault.skip

    def strikes(self, route: str, random: Random) -> bool:
        """Return whether it strikes this request. Counts it."""
        # `any` means the APIs: a token endpoint that is down has to be asked for.
        alike = self._route == route or (self._route == "any" and route != "token")
        if not alike or (self.fault.times and self.hits >= self.fault.times):
            return False
        if self._skip:
            self._skip -= 1
            return False
        if self.fault.share < 1 and random.random() >= self.fault.share:
            return False
        self.hits += 1
        return True
