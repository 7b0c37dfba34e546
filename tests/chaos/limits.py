"""How long nothing may be acknowledged because of one kind of fault, where it happens alone."""

from typing import Final, NamedTuple

from tests.chaos.measure import Interruption
from tests.chaos.schedule import KINDS


class Limit(NamedTuple):
    """Of one kind of fault."""

    seconds: float
    spool: bool = False
    """Whether it holds only where web processes have a spool."""


LIMITS: Final = {"kill-web": Limit(0.5), "kill-valkey": Limit(1.0, spool=True)}


def verdicts(kinds: dict[str, Interruption], *, spool: bool) -> dict[str, str]:
    """Return for each kind that has a limit what became of it: `kept`, or why not."""
    return {kind: _verdict(kind, kinds.get(kind), spool=spool) for kind in LIMITS}


def missed(kinds: dict[str, Interruption], *, spool: bool) -> list[str]:
    """Return the limits that were not kept, in words."""
    return [
        f"{KINDS[kind].words}: nothing was acknowledged for {kinds[kind].seconds} s, "
        f"{LIMITS[kind].seconds:g} s is the limit"
        for kind, said in verdicts(kinds, spool=spool).items()
        if said == "missed"
    ]


def _verdict(kind: str, found: Interruption | None, *, spool: bool) -> str:
    limit = LIMITS[kind]
    if limit.spool and not spool:
        return "no limit without a spool"
    if not found:
        return "did not happen"
    if found.seconds <= limit.seconds:
        return "kept"
    return "missed" if found.alone else "only beside other faults"
