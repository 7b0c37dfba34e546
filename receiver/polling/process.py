"""The process behind `receiver poll`: every poll of `receiver.toml`, and the pages that wait."""

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

import structlog
from redis.asyncio import Redis

from receiver.carriers import att
from receiver.config.polls import AttInboxPoll, AttStatusPoll, CamaraDevicePoll, Poll
from receiver.config.settings import Settings
from receiver.intake.inbound_writer import Inbound, script
from receiver.intake.redis_link import RedisLink
from receiver.outbound.http_client import HttpClient
from receiver.outbound.operator_credentials import NotConfigured
from receiver.polling import identity, readiness
from receiver.polling.gateway import Gateway
from receiver.polling.kinds import kind_of
from receiver.polling.pace import Pace
from receiver.polling.page_file import DIRECTORY
from receiver.polling.pages import Pages
from receiver.polling.poller import Poller
from receiver.polling.rounds import GatewaySite, Round, Site
from receiver.polling.shelf import Shelf
from receiver.polling.store import Store
from receiver.polling.watch_settlement import Settlement
from receiver.runtime import redis_client
from receiver.runtime.bell import Bell
from receiver.runtime.cancelling import cancel
from receiver.runtime.logs import Seldom
from receiver.runtime.private_files import own_directory
from receiver.runtime.redis_errors import DOWN_ON_THE_LOOP, refusal

log = structlog.get_logger()

ANSWER_WITHIN: Final = 5.0
"""Seconds for one command of ours; nobody waits for it as the sender of a request does."""


class _Running:
    """One poller at work."""

    task: "asyncio.Task[None]"

    def __init__(self, basis: tuple[object, ...]) -> None:
        self.basis = basis
        """The settings that it goes by."""
        self.retired = False
        """Whether it ends after the round that it has begun."""


class Process:
    """All polls of one process. Needs a running event loop, and `close`."""

    def __init__(self, settings: Settings, stopping: Callable[[], bool], pace: Pace) -> None:
        url = settings.redis_url or ""
        self._settings = settings
        self._stopping = stopping
        self._pace = pace
        self._redis = Redis.from_pool(redis_client.async_pool(url, socket_timeout=ANSWER_WITHIN))
        self._reader = redis_client.client(url)
        self._bell = Bell(self._reader)
        link = RedisLink(url, script(), settings.ack_replicas, within=pace.append)
        self._inbound = Inbound(link, self._bell.ring, lambda _accepted: None)
        self._stores: dict[str, Store] = {}
        pages = settings.data_dir / DIRECTORY
        self._shelf = Shelf(pages, self._inbound, self._store, pace.append)
        self._shelf.follow_ups[att.OUTBOX.name] = Settlement(
            self._redis, lambda: self._settings
        ).of_page
        self._http = HttpClient(connections=2)
        self._gateways: set[Gateway] = set()
        self._running: dict[str, _Running] = {}
        self._closing = AsyncExitStack()
        self._seldom = Seldom(log)

    async def run(self) -> None:
        """Poll until told to stop; then finish what is under way, within the grace."""
        if not self._settings.polls:
            log.info("poll.idle", reason="receiver.toml has no [[poll]]")
        tasks = [self._keep_polling(), self._recover_for_ever(), self._hurry()]
        running = [asyncio.create_task(each) for each in tasks]
        done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_EXCEPTION)
        for each in done:
            each.result()

    def take(self, settings: Settings) -> None:
        """Use these settings from now on; a poll that changes ends the round it has begun."""
        self._settings = settings

    async def _keep_polling(self) -> None:
        """Run a poller for each poll; one whose settings have changed ends, and begins anew."""
        while not self._stopping():
            await self._end_others()
            for poll in self._settings.polls:
                if poll.name not in self._running:
                    self._running[poll.name] = self._begin(poll)
            await asyncio.sleep(self._pace.tick / 4)
        for one in self._running.values():
            await one.task

    async def _end_others(self) -> None:
        wanted = {poll.name: self._basis(poll) for poll in self._settings.polls}
        for name, one in list(self._running.items()):
            one.retired = one.retired or wanted.get(name) != one.basis
            if one.task.done():
                del self._running[name]
                await one.task

    def _begin(self, poll: Poll) -> _Running:
        one = _Running(self._basis(poll))
        one.task = asyncio.create_task(self._poll(poll, one))
        return one

    async def _poll(self, poll: Poll, one: _Running) -> None:
        try:
            async with AsyncExitStack() as closing:
                await self._poller(poll, closing, one).run()
        except NotConfigured as error:
            self._seldom.say("error", "poll.not_configured", poll=poll.name, why=str(error))

    def _basis(self, poll: Poll) -> tuple[object, ...]:
        """Return the settings that a poller goes by."""
        operator = poll.operator if isinstance(poll, CamaraDevicePoll) else ""
        operators = [one for one in self._settings.operators if one.name == operator]
        if not isinstance(poll, AttStatusPoll):
            return (poll, operators)
        return (poll, operators, self._settings.polls, self._settings.place(poll.heard_as)[1])

    async def once(self, poll: Poll) -> Round:
        """Do one round of a poll now. Raises one of `DOWN_ON_THE_LOOP`."""
        await self._recover()
        poller = self._poller(poll, self._closing, _Running(()))
        hurrying = asyncio.create_task(self._hurry())
        try:
            return await poller.once()
        finally:
            await cancel([hurrying])

    async def close(self) -> None:
        """Close every connection."""
        await self._closing.aclose()
        await self._http.close()
        await self._inbound.end()
        await self._redis.aclose()
        self._bell.close()
        self._reader.close()

    async def _recover_for_ever(self) -> None:
        while not self._stopping():
            await self._recover()
            await asyncio.sleep(self._pace.tick)

    async def _recover(self) -> None:
        """Append the pages that are left, and say what keeps one here: polls go on."""
        try:
            await self._shelf.recover()
        except DOWN_ON_THE_LOOP as error:
            self._seldom.say("warning", "poll.pages_wait", error=refusal(error))
        except Exception as error:  # noqa: BLE001 - a page stays
            self._seldom.say("error", "poll.pages_fault", error=type(error).__name__)

    async def _hurry(self) -> None:
        """Wait until the process is to stop, then give answers under way no more than the grace.
        Each gateway by itself sends no request after that.
        """
        while not self._stopping():  # noqa: ASYNC110 - a signal's handler sets no event of a loop
            await asyncio.sleep(self._pace.tick / 4)
        for each in self._gateways:
            each.hurry()

    def _poller(self, poll: Poll, closing: AsyncExitStack, running: _Running) -> Poller:
        site = self._site(poll, closing, running)
        return Poller(site, kind_of(site))

    def _site(self, poll: Poll, closing: AsyncExitStack, running: _Running) -> Site:
        store = self._store(poll.name)
        site = Site(
            poll=poll,
            settings=self._settings,
            redis=self._redis,
            store=store,
            shelf=self._shelf,
            ready=partial(self._ready, store),
            pace=self._pace,
            stopping=lambda: running.retired or self._stopping(),
            closing=closing,
        )
        if not isinstance(poll, AttInboxPoll | AttStatusPoll):
            return site
        with contextlib.suppress(OSError):  # `doctor` tells by it whose disk this is
            own_directory(self._shelf.directory)
        who = identity.authentication(poll, self._settings.poll_variables, self._http)
        gateway = Gateway(poll.base_url, who, self._pace, self._stopping)
        self._gateways.add(gateway)
        closing.callback(self._gateways.discard, gateway)
        closing.push_async_callback(gateway.close)
        pages = Pages(self._shelf, poll, gateway, site.ready)
        return GatewaySite(**vars(site), gateway=gateway, pages=pages)

    async def _ready(self, store: Store) -> str:
        if not await store.acquire_lease():
            return "another `receiver poll` has taken it over"
        return await readiness.trouble(self._redis, self._shelf.probe, self._settings)

    def _store(self, name: str) -> Store:
        if name not in self._stores:
            self._stores[name] = Store(self._redis, name, self._pace.lease)
        return self._stores[name]
