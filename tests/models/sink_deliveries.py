"""What two workers of a sink do in a history: lease and settle, in time or late, or are killed."""

import json
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import rule

from receiver.contract.redis_keys import EVENTS, retry_due, sink_state
from receiver.operations.requeue import Requeue
from tests.models.sink_model import GROUP, SinkModel
from tests.models.sink_worker import SINK, outcomes_of
from tests.support import forwarding
from workers.forward.outcomes import Outcome

LEASE: Final = 20  # seconds after which a lease is over, and a little more
LONGEST: Final = 3_660_000
"""Milliseconds: a circuit that is open for longer was opened while the server's clock was ahead."""
ACTIONS: Final = (
    *("run", "run", "run", "delivered", "retry", "refused", "again", "dead", "unsent", "pause"),
    *("stop", "left"),
)


class DeliveryRules(SinkModel):
    """See the module."""

    @rule(wanted=st.lists(st.booleans(), min_size=1, max_size=5))
    def publish(self, wanted: list[bool]) -> None:
        for each in wanted:
            number = len(self.events)
            kind = "wanted" if each else "unwanted"
            event = json.dumps(forwarding.event(number, type=kind)).encode()
            entry = self.client.xadd(EVENTS, {"event": event}).decode()
            self.events[entry] = number, event
            self.lives[entry] = 1

    @rule(by=st.integers(0, 1), count=st.integers(1, 4))
    def lease(self, by: int, count: int) -> None:
        worker = self.workers[by]
        if not worker.held:  # a worker settles what it has before it leases more
            worker.held = worker.queue.lease(count)

    @rule(
        by=st.integers(0, 1),
        actions=st.lists(st.sampled_from(ACTIONS), min_size=4, max_size=4),
        heard=st.booleans(),
        ahead=st.integers(0, 4),
    )
    def settle(self, by: int, actions: list[str], heard: bool, ahead: int = 0) -> None:
        """Settle what a worker has, and with that lease so many `ahead`."""
        worker = self.workers[by]
        found: list[Outcome] = []
        for item, action in zip(worker.held, actions, strict=False):
            if action == "delivered":
                self.taken.add(item.delivery.entry)
            found += outcomes_of(item, "unsent" if worker.queue.held else action)
        if found:
            probe = self._open_probe(found)
            worker.queue.settle(found, ahead)
            if probe and not ahead:
                state = self.client.hget(sink_state(SINK.name), "probing")
                assert state != probe, "the sink waits for a probe that is over"
            if worker.queue.has_leased_ahead and self._may_not_send():
                assert worker.queue.held, "leased though the settlement said not to send"
        if heard:
            worker.held = []
        elif ahead:
            worker.queue.recover()

    def _open_probe(self, settled: list[Outcome]) -> bytes:
        """Return the id of the probe if it is one of those to be settled, and open."""
        probe: bytes = self.client.hget(sink_state(SINK.name), "probing") or b""
        if not probe or GROUP not in self.world.groups(EVENTS):
            return b""
        retry = self.client.zscore(retry_due(SINK.name), probe) is not None
        new = bool(self.client.xpending_range(EVENTS, GROUP, probe, probe, 1))
        told = {one.retry for one in settled if one.entry == probe.decode()}
        return probe if (retry and True in told) or (new and False in told) else b""

    def _may_not_send(self) -> bool:
        """Return whether the sink is stopped, or its circuit open and no probe under way."""
        names = ("stopped", "open_until", "probing")
        stopped, until, probing = self.client.hmget(sink_state(SINK.name), names)
        left = int(until or 0) - 1000 * self.world.server
        return bool(stopped or (not probing and 0 < left <= LONGEST))

    @rule(by=st.integers(0, 1), actions=st.lists(st.sampled_from(ACTIONS), min_size=4, max_size=4))
    def settle_after_a_restart(self, by: int, actions: list[str]) -> None:
        """The server has forgotten the scripts when a worker settles what it has."""
        self.publish([True, True])
        self.lease(by, 1)
        self.client.script_flush()
        self.settle(by, actions, heard=True, ahead=4)

    @rule(by=st.integers(0, 1))
    def crash(self, by: int) -> None:
        self.workers[by].restart()

    @rule(which=st.integers(0, 20))
    def replay(self, which: int) -> None:
        if which < len(self.events):
            entry, (_, event) = list(self.events.items())[which]
            now = 1000 * self.world.server
            self.lives[entry] += Requeue(self.client).send(SINK.name, [(entry, event)], now)

    @rule(action=st.sampled_from(["retry", "refused", "again"]))
    def replay_what_is_open(self, action: str) -> None:
        """An event that a worker has is asked for again, and then put off: the two become one."""
        self.publish([True])
        self.lease(0, 4)
        self.replay(len(self.events) - 1)
        self.settle(0, [action] * 4, heard=True)

    @rule(action=st.sampled_from(["run", "retry", "delivered"]))
    def settle_late(self, action: str) -> None:
        """One settles what another has leased and settled since: its own lease was over."""
        self.time_passes(1)
        self.lease(0, 4)
        self.time_passes(LEASE)
        self.lease(1, 4)
        self.settle(1, ["run"] * 4, heard=True)
        self.settle(0, [action] * 4, heard=True)

    @rule(seconds=st.sampled_from([1, LEASE, 3700, 80 * 3600]))
    def time_passes(self, seconds: int) -> None:
        self.world.pass_by(seconds, (EVENTS, GROUP))
