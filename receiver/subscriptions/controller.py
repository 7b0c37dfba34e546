"""The process that keeps one operator's subscriptions: `python -m receiver.subscriptions OPERATOR`.

Any number may run; the one with the lease works, the others wait for it.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable

import structlog
from redis.asyncio import Redis

from receiver.config.operators import ClientCredentialsAuth, HeadersAuth, Operator
from receiver.config.settings import Settings
from receiver.contract.redis_keys import SUBSCRIPTION_SETS, subscriptions_state
from receiver.outbound import ClientCredentials, FixedHeaders, OperatorClient
from receiver.runtime import redis_client
from receiver.subscriptions import creating, ending, orphans, silence
from receiver.subscriptions.api import Api
from receiver.subscriptions.context import Context
from receiver.subscriptions.decide import next_step
from receiver.subscriptions.heard import Heard
from receiver.subscriptions.lists import Lists
from receiver.subscriptions.orders import obey
from receiver.subscriptions.pace import Pace
from receiver.subscriptions.reconcile import Reconciler
from receiver.subscriptions.records import Slot
from receiver.subscriptions.store import Change, LeaseLost, Store
from receiver.subscriptions.sweep import EVERY, Sweep

log = structlog.get_logger()

_TICK = 0.2
_RENEW = 4.0
_BATCH = 100
_AGAIN = Change()


def authentication(operator: Operator, values: dict[str, str]) -> ClientCredentials | FixedHeaders:
    """Return who we are at an operator. Raises `ValueError` with what is wrong, no secret in it."""
    auth = operator.auth
    if isinstance(auth, HeadersAuth):
        return FixedHeaders({name: values[var] for name, var in auth.headers_env.items()})
    assert isinstance(auth, ClientCredentialsAuth)  # noqa: S101 - there are two kinds
    return ClientCredentials(
        token_url=auth.token_url,
        client_id=auth.client_id,
        method=auth.method,
        secret=values.get(auth.secret_env, ""),
        key=values.get(auth.key_env, ""),
        key_id=auth.key_id,
        audience=auth.audience,
        scope=auth.scope,
    )


class Controller:
    """One operator's. Runs until `stopping` says so."""

    def __init__(
        self,
        settings: Settings,
        operator: Operator,
        client: OperatorClient,
        stopping: Callable[[], bool],
        pace: Pace | None = None,
    ) -> None:
        pool = redis_client.async_pool(settings.redis_url or "", socket_timeout=5.0)
        store = Store(Redis.from_pool(pool), operator.name, self._place)
        api = Api(client)
        self._stopping = stopping
        self.about = Context(
            operator=operator,
            sets={one.name: one for one in settings.subscriptions if one.operator == operator.name},
            public_url=settings.public_url,
            api=api,
            store=store,
            lists=Lists(api, store.now),
            pace=pace or Pace(),
            replace=operator.renewal == "replace",
        )

    async def run(self) -> None:
        """Work whenever the lease is ours, until told to stop."""
        store = self.about.store
        try:
            while not self._stopping():
                try:
                    if await store.hold():
                        await self._work()
                except LeaseLost:
                    log.warning("subscriptions.lease_lost", operator=store.operator)
                except redis_client.DOWN_ON_THE_LOOP as error:
                    log.warning("redis.trouble", error=type(error).__name__)
                await self._pause(1.0)
            with contextlib.suppress(*redis_client.DOWN_ON_THE_LOOP):
                await store.release()
        finally:
            await store.client.aclose()

    async def _work(self) -> None:
        """Do everything, each at its own pace, as long as the lease is held."""
        await self._begin()
        tasks = [
            asyncio.create_task(each()) for each in (self._keep, self._listen, self._tend, self._go)
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for each in done:
                each.result()
        finally:
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _begin(self) -> None:
        """Forget what was known of Redis, which may be another one now."""
        about = self.about
        self._reconciler = Reconciler(about)
        self._heard = Heard(about)
        await self._heard.begin()
        await about.store.mark()
        found = await about.store.read(subscriptions_state(about.operator.name), "renewal")
        about.replace = "replace" in (found, about.operator.renewal)
        for name in about.sets:
            await about.store.note(SUBSCRIPTION_SETS, f"{name}:stopped")
        for slot in (await about.store.slots()).values():
            for each in slot.living:
                about.lists.lives(about.base(slot), each.subscription)

    async def _keep(self) -> None:
        """Renew the lease; its loss ends all other work."""
        while not self._stopping():
            if not await self.about.store.hold() or not await self.about.store.is_marked():
                raise LeaseLost
            await self.about.store.state("seen", int(self.about.store.now()))
            await self._pause(_RENEW)

    async def _listen(self) -> None:
        while not self._stopping():
            if not await self._heard.read():
                await self._pause(_TICK)

    async def _tend(self) -> None:
        """Compare with what is wanted, obey commands, look for orphans."""
        about, next_orphans, next_files, next_sweep = self.about, 0.0, 0.0, 0.0
        sweep = Sweep(about.store)
        while not self._stopping():
            now = time.monotonic()
            if now >= next_files:
                await self._reconciler.run()
                next_files = now + about.pace.devices
            await obey(about, self._reconciler)
            if now >= next_orphans:
                left = await orphans.look(about)
                next_orphans = now + (about.pace.between_lists if left else about.pace.orphans)
            if now >= next_sweep:
                await sweep.run()
                next_sweep = now + EVERY
            await self._pause(_TICK)

    async def _go(self) -> None:
        """Take the slots on which there is work, and do one step of each."""
        at_once = asyncio.Semaphore(self.about.operator.concurrency * 2)

        async def one(name: str) -> None:
            async with at_once:
                if not self._stopping():
                    await self.step(name)

        while not self._stopping():
            resting = self.about.api.client.circuit.open
            names = await self.about.store.due(1 if resting else _BATCH)
            if not names or resting:
                await self._pause(1.0 if resting else _TICK)
            done = await asyncio.gather(*map(one, names), return_exceptions=True)
            for each in done:
                if isinstance(each, BaseException):
                    raise each

    async def step(self, name: str) -> None:
        """Do what comes next with one slot, if it is time."""
        about = self.about
        slot = await about.store.slot(name)
        step = next_step(slot, about.policy(slot)) if slot else None
        if slot is None or step is None or step.at > about.store.now():
            await about.store.update(name, lambda _: _AGAIN)  # due is another time now
            return
        match step.action, step.attempt:
            case "create", _:
                await creating.create(about, slot)
            case "remove", _:
                await ending.remove(about, name)
            case "void", attempt if attempt:
                await creating.void(about, name, attempt.id)
            case "doubt", attempt if attempt:
                await creating.doubt(about, name, attempt.id)
            case "resolve", attempt if attempt:
                await creating.resolve(about, slot, attempt)
            case "look", attempt if attempt:
                await ending.look(about, slot, attempt)
            case "finish", attempt if attempt:
                await ending.finish(about, name, attempt.id, attempt.ended)
            case "mark", attempt if attempt:
                await ending.mark(about, name, attempt.id)
            case "delete", attempt if attempt:
                await ending.delete(about, slot, attempt)
            case "check", attempt if attempt:
                await silence.check(about, slot, attempt)

    def _place(self, slot: Slot) -> tuple[int, float] | None:
        step = next_step(slot, self.about.policy(slot))
        return (step.rank, step.at) if step else None

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
