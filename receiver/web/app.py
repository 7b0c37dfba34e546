"""The composition root of the web process: settings in, a Starlette application out."""

import asyncio
import contextlib
import gc
import os
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from receiver.auth.bearer import Credentials
from receiver.carriers import CALLBACKS
from receiver.carriers.carrier import Callback
from receiver.config.handed_over import HandedOver
from receiver.config.reload import Reload, Watch
from receiver.config.settings import Settings, SettingsError
from receiver.health.monitor import Monitor
from receiver.health.readiness import readiness
from receiver.health.redis_state import RedisState
from receiver.health.subscription_warnings import SubscriptionWarnings
from receiver.metrics.scrape import Scrape
from receiver.runtime import hangup, logs, parent_death, redis_client
from receiver.runtime.cancelling import cancel
from receiver.runtime.tracing import switch
from receiver.web import reads
from receiver.web.context import Context
from receiver.web.ingest import Ingest
from receiver.web.openapi import Description
from receiver.web.routing import Application
from receiver.web.server import end_at_the_second_signal
from receiver.web.storage import Storage
from receiver.web.tracing import RequestSpans, TracedRequestSpans


def create(text: str | None = None) -> Starlette:
    """Return the application of this process's environment, for the server to run. `text`: the
    `receiver.toml` that it begins with; None: it reads the file.
    """
    hangup.listen()
    reload = Reload(os.environ) if text is None else _begun_with(text)
    logs.configure(reload.settings.log_level)
    return build(reload.settings, reload)


def _begun_with(text: str) -> Reload:
    given = HandedOver(text)
    try:
        return Reload(given.environ())
    finally:
        given.close()


def build(settings: Settings, reload: Reload | None = None) -> Starlette:
    """Wire an application. Nothing connects before its lifespan begins. `reload` takes a changed
    `receiver.toml`. Raises `SettingsError`.
    """
    if settings.redis_url is None:
        raise SettingsError("REDIS_URL is not set: name the Redis or Valkey to keep things in")
    return _Parts(settings, settings.redis_url, reload).application()


class _Parts:
    """The parts of one web process, which begin and end with its application."""

    def __init__(self, settings: Settings, url: str, reload: Reload | None) -> None:
        client = redis_client.async_client(url)
        storage = self._storage = Storage(settings, url, client)
        availability, losses = storage.availability, storage.losses
        operators = [one.name for one in settings.operators]
        credentials = Credentials(settings.bearer_digests, operators)
        context = self._context = Context(settings, credentials, storage, client)
        self._server = RedisState(availability, losses, settings, storage.inbound, storage.probe)
        self._subscriptions = SubscriptionWarnings(settings)
        self._monitor = Monitor(
            client,
            self._server,
            credentials,
            context.unauthenticated,
            context.counters,
            redis_client.address(url),
            self._subscriptions,
        )
        self._reader = redis_client.client(url, timeout=redis_client.ANSWER_WITHIN)
        self._scrape = Scrape(settings, self._reader, lambda: self._readiness()[0] == 200)
        self._description = Description(settings)
        self._tracer = switch.start(settings.traces)
        self._reload = reload

    def application(self) -> Application:
        """Return the application of these parts."""
        return Application(
            {callback.path: self._ingest(callback) for callback in CALLBACKS},
            routes=reads.routes(self._readiness, self._scrape, self._description),
            exception_handlers={HTTPException: reads.not_found(self._context.unauthenticated)},
            lifespan=self._lifespan,
        )

    def _readiness(self) -> tuple[int, dict[str, Any]]:
        not_taken = self._reload.trouble if self._reload else ""
        return readiness(self._server, self._storage.spool, self._subscriptions, not_taken)

    def _ingest(self, callback: Callback) -> Ingest:
        tracer = self._tracer
        spans = TracedRequestSpans(tracer, callback) if tracer else RequestSpans()
        return Ingest(self._context, callback, spans)

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        watching = await self._start()
        yield
        await cancel([watching])
        await self._storage.close()
        await self._monitor.close()
        self._reader.close()
        if self._tracer:
            await asyncio.to_thread(self._tracer.close)

    async def _start(self) -> "asyncio.Future[list[None]]":
        """Return what runs beside the requests until it is cancelled."""
        parent_death.watch()
        end_at_the_second_signal()
        await self._storage.start()
        with contextlib.suppress(Exception):  # the monitor looks again at once, and says why
            await self._monitor.look()
        erasing = self._storage.erasing
        tasks = [self._monitor.run(), self._context.bodies.watch()]
        watching = asyncio.gather(*tasks, *([erasing.run()] if erasing else []))
        _spare_the_garbage_collector()
        if self._reload:
            loop = asyncio.get_running_loop()
            Watch(self._reload, lambda new: loop.call_soon_threadsafe(self._take, new)).start()
        return watching

    def _take(self, new: Settings) -> None:
        """Use a changed `receiver.toml` from now on."""
        self._context.take(new)
        self._subscriptions.take(new)
        self._scrape.settings = self._description.settings = new
        if self._storage.erasing:
            self._storage.erasing.settings = new


def _spare_the_garbage_collector() -> None:
    """Collect garbage seldom: what exists now lives as long as the process, and requests make no
    cycles worth a search.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
