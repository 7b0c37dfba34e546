"""One simulation from start to verdict."""

import asyncio
import signal
import time
from collections.abc import Callable

from msgspec import Struct

from receiver.simulate.gateway import Gateway, Witness
from receiver.simulate.http_client import Target, Wire
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

    account: RunLedger
    seconds: float
    waiting: int
    expected: int
    """About how many there will be."""
    sending: bool
    """False while only the stream is waited for."""


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
    witness: Witness
    """Is told of every attempt."""

    async def play(self) -> Verdict:
        """Send, wait until everything is published, and return the verdict. Raises one of
        `redis_client.DOWN`, at the start.

        SIGINT ends the sending, and there is a verdict on what was sent.
        """
        account = RunLedger(self.name)
        plan = Plan(self.scenario, self.seed, self.name)
        wire = Wire(self.target, self.scenario.timeout)
        gateway = Gateway(self.scenario, plan, wire, account, self.witness)
        reader = Reader(self.stream.url, self.stream.name, account) if self.stream else None
        if reader:
            await reader.begin()
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, gateway.stop)
        helpers = [asyncio.create_task(self._show(gateway, account))]
        if reader:
            helpers.append(asyncio.create_task(reader.run()))
        try:
            begun = time.time()
            await gateway.run()
            seconds = gateway.now
            if reader:
                await reader.settle(self.scenario.settle)
            self.show(self._progress(gateway, account))
        finally:
            for helper in helpers:
                helper.cancel()
            if reader:
                await reader.close()
        verified = reader is not None
        return account.verdict(seed=self.seed, begun=begun, seconds=seconds, verified=verified)

    async def _show(self, gateway: Gateway, account: RunLedger) -> None:
        while True:
            self.show(self._progress(gateway, account))
            await asyncio.sleep(_SHOW_EVERY)

    def _progress(self, gateway: Gateway, account: RunLedger) -> Progress:
        return Progress(
            account,
            gateway.now,
            gateway.waiting,
            self.scenario.expected,
            sending=not gateway.finished,
        )
