"""The controller of one operator's subscriptions: `python -m receiver.subscriptions OPERATOR`.

Several may run; the one with the lease works, the others wait for it.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable

import structlog
from redis.asyncio import Redis

from receiver.config.operators import Operator
from receiver.config.settings import Settings
from receiver.outbound import OperatorClient
from receiver.runtime import redis_client, redis_errors
from receiver.runtime.cancelling import cancel
from receiver.runtime.logs import Condition
from receiver.subscriptions import clock_jumps, orphans
from receiver.subscriptions.api import Api
from receiver.subscriptions.context import Context
from receiver.subscriptions.last_events import LastEvents
from receiver.subscriptions.lease import LeaseLost
from receiver.subscriptions.lifecycle_events import LifecycleEvents
from receiver.subscriptions.lists import Lists
from receiver.subscriptions.next_step import next_step
from receiver.subscriptions.orders import do_orders
from receiver.subscriptions.reconcile import Reconciler
from receiver.subscriptions.report import Report
from receiver.subscriptions.slots import Slot
from receiver.subscriptions.steps import run_step
from receiver.subscriptions.store import Change, Store
from receiver.subscriptions.sweep import EVERY, Sweep
from receiver.subscriptions.timing import Timing

log = structlog.get_logger()

_POLL = 0.2
_WITHOUT_LEASE = 1.0
"""Seconds until it is tried for again."""
_LEASE_RENEWAL = 4.0
_BATCH = 100


class Controller:
    """Keeps one operator's subscriptions until `stopping` returns true."""

    def __init__(
        self,
        settings: Settings,
        operator: Operator,
        client: OperatorClient,
        stopping: Callable[[], bool],
        timing: Timing | None = None,
    ) -> None:
        pool = redis_client.async_pool(settings.redis_url or "", socket_timeout=5.0)
        store = Store(Redis.from_pool(pool), operator.name, self._due)
        api = Api(client)
        self._stopping, declared = stopping, settings.subscriptions
        address = redis_client.address(settings.redis_url or "")
        self._away = Condition(log, "redis.trouble", "redis.back", server=address)
        self._running: dict[asyncio.Task[None], str] = {}
        """The steps under way, and the slot of each."""
        self.context = Context(
            operator=operator,
            sets={one.name: one for one in declared if one.operator == operator.name},
            public_url=settings.public_url,
            elsewhere=frozenset(one.name for one in declared if one.operator != operator.name),
            api=api,
            store=store,
            lists=Lists(api, store.now),
            timing=timing or Timing(),
            last=LastEvents(store),
            replaces=operator.renewal == "replace",
        )

    async def run(self) -> None:
        """Run until told to stop, at work whenever the lease is ours."""
        store = self.context.store
        try:
            while not self._stopping():
                await self._try_to_work()
                await asyncio.sleep(_WITHOUT_LEASE)
            with contextlib.suppress(*redis_errors.DOWN_ON_THE_LOOP):
                await store.release_lease()
        finally:
            await store.client.aclose()

    async def _try_to_work(self) -> None:
        try:
            if await self.context.store.acquire_lease():
                await self._work()
            else:
                self._away.is_now("")
        except LeaseLost:
            log.warning("subscriptions.lease_lost", operator=self.context.operator.name)
        except redis_errors.DOWN_ON_THE_LOOP as error:
            self._away.is_now(redis_errors.refusal(error))

    async def _work(self) -> None:
        """Run the loops until one of them fails: the loss of the lease ends all."""
        await self._load_state()
        watch = (self._renew_lease, self._read_events, self._report)
        work = (self._reconcile, self._search_orphans, self._run_steps)
        tasks = [asyncio.create_task(each()) for each in (*watch, *work)]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for each in done:
                each.result()
        finally:
            await cancel(tasks)
            await cancel(self._running)
            self._running.clear()

    async def _load_state(self) -> None:
        """Load what Redis has, which may have lost its data since the lease was lost."""
        context = self.context
        self._reconciler = Reconciler(context)
        self._events = LifecycleEvents(context)
        context.strangers.begin()
        await self._events.load_position()
        await context.store.mark_controller()
        read, urls = context.store.read_state, context.urls.items()
        context.replaces = "replace" in (await read("renewal"), context.operator.renewal)
        await context.store.load_clock()
        await context.load_pauses()
        moved = {key for key, url in urls if url and await read(key) not in ("", url)}
        await context.end_pauses(early=bool(moved))
        devices = {}
        async for slot in context.store.slots():
            devices[slot.id] = str(slot.device)
            for each in slot.living:
                context.lists.note_alive(context.base(slot), each.subscription)
            if moved & {"public_url", slot.type.partition("-")[0]} and not self._stopping():
                await context.store.keep_lease()
                await context.store.update_slot(slot.id, self._renewed_now)
        await context.last.load(devices)
        await context.store.bring_forward()

    def _renewed_now(self, slot: Slot) -> Change:
        """Make a slot's renewal due: what was made, or refused, was with a URL that is over."""
        slot.rest, slot.refused = 0, False
        for each in slot.attempts:
            each.renew = self.context.store.now()
        return Change()

    async def _renew_lease(self) -> None:
        """Renew the lease. Raises `LeaseLost` where it is lost, or Redis has lost its data."""
        store = self.context.store
        while not self._stopping():
            if not await store.acquire_lease():
                raise LeaseLost
            await store.check_data()
            await store.write_seen()
            await asyncio.sleep(_LEASE_RENEWAL)
            self._away.is_now("")

    async def _read_events(self) -> None:
        while self._works():
            if not await self._events.read_batch():
                await asyncio.sleep(_POLL)

    async def _report(self) -> None:
        report = Report(self.context)
        while self._works():
            await report.write()
            await asyncio.sleep(self.context.timing.report)

    async def _reconcile(self) -> None:
        """Compare with what is declared, do the commands' orders, sweep."""
        context, next_files, next_sweep = self.context, 0.0, 0.0
        sweep, timing = Sweep(context.store), context.timing
        while self._works():
            now = time.monotonic()
            if jumped := context.store.jumped_back:
                await clock_jumps.shift_times(context, jumped)
                context.store.jumped_back -= jumped
            if now >= next_files:
                await self._reconciler.run()
                waits = self._reconciler.waits
                next_files = now + (timing.device_settled / 4 if waits else timing.device_check)
            await context.end_pauses()
            await do_orders(context, self._reconciler)
            if now >= next_sweep:
                await sweep.run()
                next_sweep = now + EVERY
            await asyncio.sleep(_POLL)

    async def _search_orphans(self) -> None:
        """Search for orphans again and again. To list and delete many takes an hour: nothing else
        waits for it, and the end of this controller neither.
        """
        timing, began, due = self.context.timing, 0.0, 0.0
        search: asyncio.Task[bool] | None = None
        try:
            while self._works():
                if search and search.done():
                    due = began + (timing.between_lists if search.result() else timing.orphan_check)
                    search = None
                ready = search is None and self._reconciler.compared
                if ready and time.monotonic() >= due:
                    began = time.monotonic()
                    search = asyncio.create_task(orphans.check_orphans(self.context))
                await asyncio.sleep(_POLL)
        finally:
            await cancel([search] if search else [])

    async def _run_steps(self) -> None:
        """Run the next step of each slot on which it is due, some of them at the same time; one
        that waits for an answer holds up none but its own slot.
        """
        most, running = self.context.operator.concurrency * 2, self._running
        names: list[str] = []
        while self._works():
            resting = self.context.api.client.resting
            if not names:
                due = await self.context.store.due_slots(most if resting else _BATCH)
                names = [name for name in due if name not in running.values()]
            free = max(0, (1 if resting else most) - len(running))
            for name in names[:free]:
                names.remove(name)
                running[asyncio.create_task(run_step(self.context, name))] = name
            if resting:
                await asyncio.sleep(1.0)
            await self._wait_for_any()

    async def _wait_for_any(self) -> None:
        """Wait until one of the steps is done, and take it out. Raises what it raised."""
        running = self._running
        if not running:
            await asyncio.sleep(_POLL)
            return
        done, _ = await asyncio.wait(running, timeout=_POLL, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            name, error = running.pop(each), each.exception()
            if isinstance(error, (LeaseLost, *redis_errors.DOWN_ON_THE_LOOP)):
                raise error
            if error:  # a fault of ours: the other slots go on
                log.error("subscriptions.fault", slot=name, error=type(error).__name__)
                await self.context.store.put_off(name, self.context.timing.longest_backoff)

    def _due(self, slot: Slot) -> tuple[int, float] | None:
        step = next_step(slot, self.context.policy(slot))
        return (step.rank, step.at) if step else None

    def _works(self) -> bool:
        """Return whether to go on. Raises `LeaseLost` where another controller may be at work."""
        self.context.store.check_lease()
        return not self._stopping()
