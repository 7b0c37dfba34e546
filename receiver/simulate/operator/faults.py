"""Injected faults: rules, each for one kind of request and for a number of them."""

from collections.abc import Iterable
from random import Random

from receiver.simulate.operator.scenario import Fault


class Faults:
    """The rules in force; the first one that matches a request decides."""

    def __init__(self, rules: Iterable[Fault], random: Random) -> None:
        self._random = random
        self._rules = [_Rule(rule) for rule in rules]

    def add(self, rule: Fault) -> None:
        """Add a rule behind the others."""
        self._rules.append(_Rule(rule))

    def clear(self) -> None:
        """Remove all rules."""
        self._rules.clear()

    def strike(self, operation: str) -> Fault | None:
        """Return the fault of this request, or None. Counts it."""
        for rule in self._rules:
            if rule.hits(operation, self._random):
                return rule.fault
        return None

    @property
    def left(self) -> list[dict[str, object]]:
        """Return the rules and how often each has matched, for the records."""
        return [
            {"operation": rule.fault.operation, "effect": rule.fault.effect, "hits": rule.hit}
            for rule in self._rules
        ]


class _Rule:
    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.hit = 0
        self._skip = fault.skip

    def hits(self, operation: str, random: Random) -> bool:
        fault = self.fault
        # `any` means the API: a token endpoint that is down has to be asked for.
        alike = fault.operation == operation or (fault.operation == "any" and operation != "token")
        if not alike or (fault.times and self.hit >= fault.times):
            return False
        if self._skip:
            self._skip -= 1
            return False
        if fault.share < 1 and random.random() >= fault.share:
            return False
        self.hit += 1
        return True
