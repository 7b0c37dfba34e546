"""One simulation from start to verdict."""

import asyncio
import signal
import time
from collections.abc import Callable
from datetime import UTC, tzinfo

from msgspec import Struct

from receiver.simulate.gateway import AttemptObserver, Gateway
from receiver.simulate.http_client import CarrierClient, Target
from receiver.simulate.plan import Plan
from receiver.simulate.reader import Reader
from receiver.simulate.scenario import Scenario
from receiver.simulate.verdict import RunLedger, Verdict

_SHOW_EVERY = 0.25


class Stream(Struct, frozen=True):
    """The stream to which the receiver publishes."""

    url: str
    name: str


class Progress(Struct, frozen=True):
    """The state of a run, for display."""

    ledger: RunLedger
    seconds: float
    waiting: int
    expected: int
    """About how many notifications the run will have."""
    sending: bool
    """Whether notifications are still sent; then only the stream is waited for."""
    stopped: bool
    """Whether none is sent any more but those under way."""


class Run(Struct, frozen=True, kw_only=True):
    """A scenario and the receiver to play it against."""

    scenario: Scenario
    seed: int
    name: str
    """Twelve hexadecimal digits; eight of them the time on which all times in bodies rest."""
    target: Target
    stream: Stream | None
    show: Callable[[Progress], None]
    """Called a few times a second."""
    observe: AttemptObserver
    """Called for every attempt that has ended."""
    zone: tzinfo = UTC
    """The listener's, for times that carry none."""

    async def play(self) -> Verdict:
        """Send, wait until everything is published, and return the verdict. Raises one of
        `redis_errors.DOWN`, at the start.

        SIGINT or SIGTERM ends the sending, and there is a verdict on what was sent; a second one
        ends all.
        """
        ledger = RunLedger(self.name)
        plan = Plan(self.scenario, self.seed, self.name, self.zone)
        client = CarrierClient(self.target, self.scenario.timeout)
        gateway = Gateway(self.scenario, plan, client, ledger, self.observe)
        reader = Reader(self.stream.url, self.stream.name, ledger) if self.stream else None
        if reader:
            await reader.begin()
        _stop_at_signals(gateway)
        helpers = [asyncio.create_task(self._show(gateway, ledger))]
        if reader:
            helpers.append(asyncio.create_task(reader.run()))
        try:
            begun = time.time()
            await gateway.run()
            seconds = gateway.now
            if reader:
                await reader.settle(self.scenario.settle)
            self.show(self._progress(gateway, ledger))
        finally:
            for helper in helpers:
                helper.cancel()
            if reader:
                await reader.close()
        verified = reader is not None
        return ledger.verdict(seed=self.seed, begun=begun, seconds=seconds, verified=verified)

    async def _show(self, gateway: Gateway, ledger: RunLedger) -> None:
        while True:
            self.show(self._progress(gateway, ledger))
            await asyncio.sleep(_SHOW_EVERY)

    def _progress(self, gateway: Gateway, ledger: RunLedger) -> Progress:
        return Progress(
            ledger,
            gateway.now,
            gateway.waiting,
            self.scenario.expected,
            sending=not gateway.finished,
            stopped=gateway.stopping,
        )


def _stop_at_signals(gateway: Gateway) -> None:
    """Stop the gateway at SIGINT or SIGTERM; what waits for answers then ends at the next one."""
    loop, numbers = asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM)

    def stop() -> None:
        gateway.stop()
        for number in numbers:
            loop.remove_signal_handler(number)

    for number in numbers:
        loop.add_signal_handler(number, stop)
