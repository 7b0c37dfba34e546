"""Injected faults: rules, each for one kind of request and for a number of them."""

from collections.abc import Iterable
from random import Random

from receiver.simulate.fault_order import FaultOrder
from receiver.simulate.operator.scenario import Fault


class Faults:
    """The rules in force; the first one that matches a request decides."""

    def __init__(self, rules: Iterable[Fault], random: Random) -> None:
        self._random = random
        self._rules = [FaultOrder(rule, rule.operation) for rule in rules]

    def add(self, rule: Fault) -> None:
        """Add a rule behind the others."""
        self._rules.append(FaultOrder(rule, rule.operation))

    def clear(self) -> None:
        """Remove all rules."""
        self._rules.clear()

    def strike(self, operation: str) -> Fault | None:
        """Return the fault of this request, or None. Counts it."""
        for rule in self._rules:
            if rule.strikes(operation, self._random):
                return rule.fault
        return None

    @property
    def left(self) -> list[dict[str, object]]:
        """Return the rules and how often each has matched, for the records."""
        return [
            {"operation": rule.fault.operation, "effect": rule.fault.effect, "hits": rule.hits}
            for rule in self._rules
        ]
