"""Which fault happens when, to whom and for how long: all of it from the seed."""

from collections.abc import Iterator
from random import Random
from typing import Final, NamedTuple


class Kind(NamedTuple):
    """One kind of fault."""

    words: str
    targets: tuple[str, ...]
    shortest: float
    longest: float
    """Seconds until it is over (or until what was killed is started again)."""


WEB: Final = ("web-0", "web-1")
WORKER: Final = ("worker-0", "worker-1")
VALKEY: Final = ("valkey",)
POLL: Final = ("poll",)
CONSOLE: Final = ("console",)
LINES: Final = ("web-line", "worker-line")

KINDS: Final = {
    "kill-web": Kind("a web process is SIGKILLed", WEB, 0.0, 2.0),
    "stop-web": Kind("a web process is told to stop and started again", WEB, 0.0, 1.0),
    "freeze-web": Kind("a web process is frozen (SIGSTOP)", WEB, 0.3, 5.0),
    "kill-worker": Kind("a worker is SIGKILLed", WORKER, 0.0, 0.0),
    "freeze-worker": Kind("a worker is frozen (SIGSTOP)", WORKER, 0.5, 20.0),
    "kill-supervisor": Kind("a worker's supervisor is SIGKILLed", WORKER, 0.0, 2.0),
    "kill-poll": Kind("the process that polls is SIGKILLed", POLL, 0.0, 2.0),
    "kill-console": Kind("the console is SIGKILLed", CONSOLE, 0.0, 2.0),
    "kill-valkey": Kind("Valkey is SIGKILLed", VALKEY, 0.0, 2.5),
    "stop-valkey": Kind("Valkey is shut down and started again", VALKEY, 0.0, 1.5),
    "freeze-valkey": Kind("Valkey is frozen (SIGSTOP)", VALKEY, 0.2, 4.0),
    "kill-all": Kind("every process is SIGKILLed at once", ("everything",), 0.0, 1.0),
    "cut": Kind("all connections to Valkey are cut, new ones refused", LINES, 0.1, 3.0),
    "hold": Kind("nothing passes to or from Valkey, then all of it late", LINES, 0.2, 4.0),
    "half-open": Kind("what goes to Valkey vanishes, then a reset", LINES, 0.5, 3.0),
    "delay": Kind("every packet to and from Valkey is 20 to 200 ms late", LINES, 1.0, 4.0),
    "reset-request": Kind("resets within commands to Valkey", LINES, 0.2, 1.5),
    "reset-reply": Kind("resets after commands to Valkey, before the reply", LINES, 0.2, 1.5),
    "fill-disk": Kind(
        "Valkey is out of reach and the spool's disk is full", ("web-line",), 2.0, 5.0
    ),
    "lose-answer": Kind("resets before the carrier has the answer", ("front",), 0.2, 1.5),
}

COMPANY: Final = {"kill-poll", "kill-console"}
"""Kinds that harm what is beside the load."""
_CALM_BEFORE: Final = 2.0
_CALM_AFTER: Final = 4.0


class Fault(NamedTuple):
    """One fault, as planned."""

    at: float
    """Seconds after the first notification."""
    kind: str
    target: str
    seconds: float


def schedule(seed: int, seconds: float, count: int, *, alone: bool = False) -> list[Fault]:
    """So many faults, spread over the time; every kind once before any comes a second time.

    `alone`: only what the load needs is there to be harmed.
    """
    random = Random(seed)
    deck = _deal(random, sorted(KINDS.keys() - COMPANY if alone else KINDS))
    room = seconds - _CALM_BEFORE - _CALM_AFTER
    moments = sorted(_CALM_BEFORE + room * (n + random.random()) / count for n in range(count))
    return [_fault(random, at, next(deck)) for at in moments]


def _fault(random: Random, at: float, name: str) -> Fault:
    kind = KINDS[name]
    # Short ones are more frequent than long ones, as in life.
    seconds = kind.shortest + (kind.longest - kind.shortest) * random.random() ** 2
    return Fault(round(at, 2), name, random.choice(kind.targets), round(seconds, 2))


def _deal(random: Random, names: list[str]) -> Iterator[str]:
    while True:
        deck = [*names]
        random.shuffle(deck)
        yield from deck
