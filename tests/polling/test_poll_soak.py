"""With every fault of the gateway at once, SIGKILLs at each step, and Redis away in the middle:
nothing that was handed over is lost, nothing comes out twice, nothing expires.
"""

import random
import subprocess
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

    def __init__(self, polled: Polled, double: SimulatedGateway, seed: int) -> None:
        self.polled = polled
        self.double = double
        self.random = random.Random(seed)
        self.kills: Counter[str] = Counter()
        self._processes: list[subprocess.Popen[bytes]] = []

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
        process = self.polled.start(step)
        self._processes.append(process)
        try:
            process.wait(self.random.uniform(longest / 3, longest))
        except subprocess.TimeoutExpired:
            step = ""
        at = time.time() - (0.02 if step else 0.0)
        process.kill()
        process.wait()
        self.kills[step or "any moment"] += 1
        if process.returncode == -9:
            self.double.control("killed", at=at)

    def end(self) -> Any:
        """Let it finish in peace; returns the verdict."""
        self.double.control("clear-faults")
        self.double.control("settings", faults=dict.fromkeys(_SHARES, 0))
        self.polled.until(self._drained, within=120)
        return self.double.verdict(self.polled.texts())

    def stop(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()

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
    seed: int = 7,
) -> tuple[Any, Polled, Counter[str]]:
    """`minute`: seconds that the double's minute has; Redis is away for ten of them. `longest`:
    seconds that a process lives at most.
    """
    limits = Gateway(page_size=50, token_life=20, minute=minute)
    scenario = Scenario(seed=seed, faults=FAULTS, gateway=limits)
    away = 10 * minute
    with gateway(scenario) as double:
        polled = Polled(valkey, directory, configured(double.url, "every = 10"))
        run = Ordeal(polled, double, seed)
        try:
            feeding = run.feed(messages, seconds)
            middle = time.monotonic() + seconds / 2
            while feeding.is_alive():
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
            run.stop()


def judge(verdict: Any, polled: Polled) -> None:
    assert (verdict["lost"], verdict["duplicated"], verdict["expired"]) == (0, 0, 0), verdict
    outcomes = polled.outcomes()
    risky = outcomes.get("at_risk", 0) + outcomes.get("cut", 0)
    assert risky > 0 if verdict["window"] else True, (verdict, outcomes)
    assert polled.pages() == []


def test_a_short_run_with_every_fault_and_some_kills(valkey: Valkey, tmp_path: Path) -> None:
    verdict, polled, kills = ordeal(valkey, tmp_path, 1_000, seconds=5, minute=1, longest=4)
    judge(verdict, polled)
    assert verdict["handed"] + verdict["window"] == 1_000
    assert kills.total() >= 2


@pytest.mark.soak
def test_twenty_thousand_messages_with_every_fault_and_a_kill_at_each_step(
    valkey: Valkey, tmp_path: Path
) -> None:
    verdict, polled, kills = ordeal(valkey, tmp_path, 20_000, seconds=240, minute=3, longest=12)
    print(verdict, polled.outcomes(), dict(kills))
    judge(verdict, polled)
    assert verdict["handed"] + verdict["window"] == 20_000
    assert kills.total() > 15
