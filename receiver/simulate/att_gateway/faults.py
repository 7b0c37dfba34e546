"""What goes wrong: the faults on order first, then the scenario's shares, drawn by the seed."""

from collections.abc import Callable
from random import Random
from typing import Final, get_args

from msgspec import Struct

from receiver.simulate.att_gateway.errors import Refused
from receiver.simulate.att_gateway.scenario import WIRE, Fault, Scenario, Shape
from receiver.simulate.fault_order import FaultOrders

_SHAPES: Final[tuple[Shape, ...]] = get_args(Shape)
_READS: Final = ("inbox", "status", "messages")
"""Routes whose answers the shares cut; a send that is cut has to be ordered."""


class Strike(Struct, frozen=True):
    """The fault of one request, with what was random decided."""

    effect: str
    at: float = 0.5
    seconds: float = 0.0
    shape: Shape | None = None
    refused: Refused | None = None
    """The answer in place of the right one; nothing is removed."""


class Faults:
    """The faults in force: those on order, else what the scenario's shares draw."""

    def __init__(self, scenario: Callable[[], Scenario]) -> None:
        self._scenario = scenario
        seed = scenario().seed
        self._wire = Random(f"{seed}:wire")  # noqa: S311 - seeded, to be repeated
        self._pages = Random(f"{seed}:pages")  # noqa: S311
        self.orders: FaultOrders[Fault] = FaultOrders(self._wire, "route")
        self.orders.add(scenario().fault)

    def strike(self, route: str) -> Strike | None:
        """Return the fault of this request, or None. Counts it."""
        fault = self.orders.strike(route)
        return self._ordered(fault) if fault else self._drawn(route)

    def shape(self) -> Shape | None:
        """Return the odd shape of a page, or None for the documented one."""
        share = self._scenario().faults.shapes
        drawn, which = self._pages.random(), self._pages.choice(_SHAPES)
        return which if drawn < share else None

    def lies(self) -> bool:
        """Return whether the number of pending messages is wrong on this page."""
        return self._pages.random() < self._scenario().faults.pending_lies

    def _drawn(self, route: str) -> Strike | None:
        if route in ("token", "notification"):
            return None
        shares, drawn = self._scenario().faults, self._wire.random()
        at = self._wire.random()
        wire = WIRE if route in _READS else ()
        for effect in (*wire, "unavailable", "unauthorised"):
            share = getattr(shares, effect)
            if drawn < share:
                seconds = getattr(shares, f"{effect}_seconds", 0.0)
                return Strike(effect, at, seconds, refused=_refused(effect, Fault(effect="status")))
            drawn -= share
        return None

    def _ordered(self, fault: Fault) -> Strike:
        usual = getattr(self._scenario().faults, f"{fault.effect}_seconds", 0.0)
        return Strike(
            fault.effect,
            self._wire.random() if fault.at is None else fault.at,
            usual if fault.seconds is None else fault.seconds,
            fault.shape or self._pages.choice(_SHAPES),
            _refused(fault.effect, fault),
        )


def _refused(effect: str, fault: Fault) -> Refused | None:
    match effect:
        case "unauthorised":
            return Refused(401, fault.code)
        case "throttled":
            return Refused(403, fault.code, retry_after=fault.retry_after)
        case "unavailable" | "status":
            return Refused(fault.status, fault.code, retry_after=fault.retry_after)
        case _:
            return None
