"""With every fault of the gateway at once, SIGKILLs at each step, and Redis away in the middle:
nothing that was handed over is lost, nothing comes out twice, nothing expires.
"""

import random
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from receiver.simulate.att_gateway.scenario import Faults, Gateway, Scenario
from tests.support.att_gateways import SimulatedGateway, gateway
from tests.support.dying_poll import POINTS
from tests.support.polling import Polled, configured
from tests.support.valkey import Valkey

FAULTS = Faults(
    cut_fin=0.02, cut_rst=0.02, no_answer=0.01, stall=0.01, drip=0.01, unavailable=0.05,
    unauthorised=0.02, shapes=0.2, pending_lies=0.05, same_text=0.1, stall_seconds=2.0,
    drip_seconds=0.3,
)  # fmt: skip
STEPS = ["", "in body", *(f"{when} {what}" for when in ("before", "after") for what in POINTS)]


class Ordeal:
    """One run."""

    def __init__(self, polled: Polled, double: SimulatedGateway, seed: int, depth: int) -> None:
        """`depth`: a step kills at the first to the depth-th time."""
        self.polled = polled
        self.double = double
        self.random = random.Random(seed)
        self.depth = depth
        self.kills: Counter[str] = Counter()
        self.pollers = polled.started()

    def feed(self, messages: int, seconds: float) -> threading.Thread:
        """Have so many messages accepted over so long."""
        pieces = max(1, int(seconds * 5))

        def run() -> None:
            for number in range(pieces):
                share = messages * (number + 1) // pieces - messages * number // pieces
                self.double.control("mo", count=share)
                time.sleep(seconds / pieces)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def live_and_die(self, longest: float) -> None:
        """One life of a process: killed at a step, or at any moment."""
        step = self.random.choice(STEPS)
        time_of_it = f"{step}#{self.random.randint(1, self.depth)}" if step else ""
        ended, at = self.pollers.live(time_of_it, self.random.uniform(0.1, longest))
        assert ended == -9
        self.kills[step] += 1
        self.double.control("killed", at=at - 0.02)

    def end(self) -> Any:
        """Let it finish in peace; returns the verdict."""
        self.double.control("clear-faults")
        self.double.control("settings", faults=dict.fromkeys(_SHARES, 0))
        for _ in range(100):
            self.polled.once()
            if self._drained():
                break
        return self.double.verdict(self.polled.texts())

    def _drained(self) -> bool:
        inbox = self.double.inbox()
        return not inbox.get("waiting") and not self.polled.pages()


_SHARES = (
    *("cut_fin", "cut_rst", "no_answer", "stall", "drip", "unavailable", "unauthorised"),
    *("shapes", "pending_lies"),
)


def ordeal(
    valkey: Valkey,
    directory: Path,
    messages: int,
    seconds: float,
    minute: float,
    longest: float,
    away: float,
    kills: int,
    depth: int,
    seed: int = 7,
) -> tuple[Any, Polled, Counter[str]]:
    """`minute`: seconds that the double's minute has; `longest`: seconds that a process lives at
    most; `away`: seconds without Redis, in the middle; `kills`: how many processes die, at least;
    `depth` as in `Ordeal`.
    """
    limits = Gateway(page_size=50, token_life=20, minute=minute)
    scenario = Scenario(seed=seed, faults=FAULTS, gateway=limits)
    with gateway(scenario) as double:
        polled = Polled(valkey, directory, configured(double.url, "every = 10"))
        run = Ordeal(polled, double, seed, depth)
        try:
            feeding = run.feed(messages, seconds)
            middle = time.monotonic() + seconds / 2
            while feeding.is_alive() or run.kills.total() < kills:
                run.live_and_die(longest)
                if away and time.monotonic() > middle:
                    valkey.kill()
                    back = time.monotonic() + away
                    while time.monotonic() < back:
                        run.live_and_die(longest)
                    valkey.start()
                    away = 0
            return run.end(), polled, run.kills
        finally:
            run.pollers.close()


def judge(verdict: Any, polled: Polled) -> None:
    assert (verdict["lost"], verdict["duplicated"], verdict["expired"]) == (0, 0, 0), verdict
    assert polled.pages() == []


def test_a_short_run_with_every_fault_and_some_kills(valkey: Valkey, tmp_path: Path) -> None:
    verdict, polled, _ = ordeal(
        valkey, tmp_path, 1_000, seconds=3, minute=5, longest=1, away=1, kills=5, depth=4
    )
    judge(verdict, polled)
    assert verdict["handed"] + verdict["window"] == 1_000


@pytest.mark.soak
def test_twenty_thousand_messages_with_every_fault_and_a_kill_at_each_step(
    valkey: Valkey, tmp_path: Path
) -> None:
    verdict, polled, kills = ordeal(
        valkey, tmp_path, 20_000, seconds=160, minute=8, longest=10, away=80, kills=40, depth=40
    )
    print(verdict, polled.outcomes(), dict(kills))
    judge(verdict, polled)
    assert verdict["handed"] + verdict["window"] == 20_000
    outcomes = polled.outcomes()
    assert outcomes.get("at_risk", 0) + outcomes.get("cut", 0) > 0
