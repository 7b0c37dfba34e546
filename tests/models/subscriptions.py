"""Histories of one operator's subscriptions: two controllers, of which one has the lease.

The model: the operator has accepted what it has accepted. Whatever has happened, in the end each
slot that is wanted has one live subscription that its slot knows of, nothing else lives, and at any
time what lives has a credential that admits its events.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from receiver.config.settings import load
from receiver.contract.redis_keys import (
    SUBSCRIPTION_ATTEMPTS,
    SUBSCRIPTION_CREDENTIALS,
    SUBSCRIPTION_IDS,
    SUBSCRIPTIONS,
    subscriptions_lease,
    subscriptions_state,
)
from receiver.subscriptions.lease import LEASE_SECONDS
from receiver.subscriptions.slots import Slot, decode
from tests.models.controllers import TROUBLES, UNITS, Process
from tests.models.operator import Operator
from tests.models.world import World

PHONES: Final = ("+12065550100", "+12065550101")
LEASE: Final = subscriptions_lease("sim")
DEVICES: Final = st.sets(st.sampled_from(PHONES), min_size=1)
TOML: Final = """
public_url = "https://hooks.example.com"
[[operator]]
name = "sim"
reachability = "https://api.example.com/device-reachability-status-subscriptions/v0.8"
auth = { kind = "headers", headers_env = { x-rapidapi-key = "KEY" } }
[[subscription]]
name = "fleet"
operator = "sim"
types = ["reachability-data"]
devices = ["+12065550100"]
days = 1
"""
_ROUND: Final = 301
"""Seconds between two rounds at the end: no wait of a controller is longer than an hour."""


class SubscriptionHistories(RuleBasedStateMachine):
    """See the module."""

    world: World
    loop: asyncio.AbstractEventLoop
    directory: Path

    def __init__(self) -> None:
        super().__init__()
        self.world.begin()
        self.client = self.world.client
        self.operator = Operator(lambda: self.world.true)
        path = self.directory / "receiver.toml"
        path.write_text(TOML)
        settings = load({"RECEIVER_CONFIG": str(path), "REDIS_URL": "unix:///nowhere"})
        self.processes = [
            Process(self.loop, self.client, self.operator, settings) for _ in range(2)
        ]
        self.lost: set[str] = set()
        """Digests of the tokens whose credentials Redis has lost, also of what is not live yet."""
        self._declare(PHONES)

    # What may happen ------------------------------------------------------------------------

    @rule(
        by=st.integers(0, 1),
        unit=st.sampled_from(UNITS),
        trouble=st.sampled_from(["", *TROUBLES]),
        at=st.integers(1, 12),
    )
    def work(self, by: int, unit: str, trouble: str, at: int) -> None:
        if not self.processes[by].stopped:
            with self._only_its_leader_writes(self.processes[by]):
                self.processes[by].work(unit, trouble, at)

    @rule(by=st.integers(0, 1), unit=st.sampled_from(UNITS[1:]), at=st.integers(1, 12))
    def overtaken(self, by: int, unit: str, at: int) -> None:
        """One is stopped for longer than its lease lasts, and goes on beside the next one."""
        if any(one.stopped for one in self.processes):
            return
        self.processes[by].work("renew")
        self.processes[by].work(unit, "stopped", at)
        self._pass(16)
        self.processes[1 - by].work("renew")
        self.go_on(by, killed=False)

    @rule(by=st.integers(0, 1), comparing=st.booleans(), at=st.integers(1, 12), phones=DEVICES)
    def two_loops(self, by: int, comparing: bool, at: int, phones: set[str]) -> None:
        """One loop waits for an answer, and another one of the same controller does its work."""
        process = self.processes[by]
        if any(one.stopped for one in self.processes):
            return
        self._declare(sorted(phones))
        process.work("renew")
        process.work("compare" if comparing else "steps", "stopped", at)
        if process.stopped and process.work_beside("steps" if comparing else "compare"):
            attempts = self._attempts()
            process.resume()
            if comparing:
                assert attempts <= self._attempts(), "a comparison undid a step"
            else:
                wanted = [one.device["phoneNumber"] for one in self._slots() if one.wanted]
                assert sorted(wanted) == self.declared, "a step undid a comparison"

    @rule(by=st.integers(0, 1))
    def round(self, by: int) -> None:
        if not self.processes[by].stopped:
            self._round(self.processes[by])

    @rule(by=st.integers(0, 1), killed=st.booleans())
    def go_on(self, by: int, killed: bool) -> None:
        if self.processes[by].stopped:
            process = self.processes[by]
            with self._only_its_leader_writes(process):
                process.kill() if killed else process.resume()

    @rule(phones=DEVICES)
    def declare(self, phones: set[str]) -> None:
        self._declare(sorted(phones))

    @rule(which=st.integers(0, 5))
    def operator_ends(self, which: int) -> None:
        live = [*self.operator.live.values()]
        if which < len(live):
            live[which].deleted = True

    @rule(seconds=st.sampled_from([1, 16, 61, 61, 700, 3700, 8 * 3600, 20 * 3600]))
    def time_passes(self, seconds: int) -> None:
        self._pass(seconds)

    @rule(by=st.integers(0, 1))
    def days_pass(self, by: int) -> None:
        """The credentials of what ended long ago are deleted, beside those of what lives."""
        if not self.processes[by].stopped:
            for _ in range(8):
                self._pass(10 * 3600)
                self._round(self.processes[by])
            self.processes[by].work("sweep")

    @rule(off=st.sampled_from([0, 0, 3600, -3600, 24 * 3600, -24 * 3600]))
    def clock_jumps(self, off: int) -> None:
        self._move_clock(self.world.true + off)

    @rule(key=st.sampled_from([LEASE, SUBSCRIPTION_IDS, subscriptions_state("sim")]))
    def lose_key(self, key: str) -> None:
        self.client.delete(key)

    @rule()
    def lose_everything(self) -> None:
        credentials: Any = self.client.hkeys(SUBSCRIPTION_CREDENTIALS)
        self.lost |= {digest.decode() for digest in credentials}
        self.world.lose_all()

    # What must be true ----------------------------------------------------------------------

    @invariant()
    def what_lives_is_admitted(self) -> None:
        stored: Any = self.client.hgetall(SUBSCRIPTION_CREDENTIALS)
        for one in self.operator.live.values():
            if one.digest not in self.lost:
                record = stored.get(one.digest.encode())
                assert record, "the credential of a live subscription is missing"
                about = json.loads(record)
                assert about["expires"] > self.world.server
                assert self.client.hexists(SUBSCRIPTION_ATTEMPTS, about["attempt"])

    @contextmanager
    def _only_its_leader_writes(self, process: Process) -> Iterator[None]:
        """Assert that a process takes no lease that another one has, and writes no slot without."""
        owner, left = self.client.get(LEASE), self.client.pttl(LEASE)
        slots = self.client.hgetall(SUBSCRIPTIONS)
        was = process.owner
        yield
        # A lease of a clock that was ahead does not count; one that is nearly over may end now.
        if owner and owner != was and 2000 < left <= 1000 * LEASE_SECONDS:
            assert self.client.get(LEASE) == owner, "a lease was taken from its owner"
            assert self.client.hgetall(SUBSCRIPTIONS) == slots, "a slot was written without a lease"

    def teardown(self) -> None:
        for process in self.processes:
            process.kill()
        self._move_clock(self.world.true)
        # Where also the key is lost that says by which clock the last one worked, what was replaced
        # lives to its end, which is a day or two away.
        for number in range(108):
            self._pass(_ROUND if number < 60 else 3600)
            self._round(self.processes[0])
            assert self.client.get(LEASE) == self.processes[0].owner, "nobody has the lease"
            self.what_lives_is_admitted()
            if not self._amiss():
                break
        assert not self._amiss()
        assert not self.lost & {one.digest for one in self.operator.live.values()}

    def _amiss(self) -> list[str]:
        """Return what differs from one live subscription for each slot that is wanted."""
        live, slots = self.operator.live, self._slots()
        known = [each.subscription for slot in slots for each in slot.living]
        phones = [slot.device["phoneNumber"] for slot in slots]
        found = {
            "live": sorted(one.phone for one in live.values()) != self.declared,
            "known": sorted(known) != sorted(live),
            "slots": sorted(phones) != self.declared or not all(slot.wanted for slot in slots),
        }
        return [name for name, wrong in found.items() if wrong]

    def _slots(self) -> list[Slot]:
        stored: Any = self.client.hvals(SUBSCRIPTIONS)
        return [*map(decode, stored)]

    def _attempts(self) -> set[str]:
        return {each.id for slot in self._slots() for each in slot.attempts}

    def _round(self, process: Process) -> None:
        for unit in ("renew", "compare", "steps", "orphans", "steps"):
            process.work(unit)

    def _declare(self, phones: Any) -> None:
        self.declared = [*phones]
        for process in self.processes:
            process.devices = self.declared

    def _pass(self, seconds: int) -> None:
        self.world.pass_by(seconds)
        self._age_lease(seconds)

    def _move_clock(self, server: int) -> None:
        moved, self.world.local = server - self.world.server, server
        self.world.set(server, server)
        self._age_lease(moved)

    def _age_lease(self, seconds: int) -> None:
        """Let the lease be as much older; younger where the server's clock has jumped back."""
        left = self.client.pttl(LEASE)
        if left > 0:
            self.client.pexpire(LEASE, max(0, left - 1000 * seconds))
