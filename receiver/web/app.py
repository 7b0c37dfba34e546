"""The composition root of the web process: settings in, a Starlette application out."""

import asyncio
import contextlib
import gc
import os
from collections.abc import AsyncIterator, Mapping
from typing import Any

import redis
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from receiver.auth.bearer import Credentials
from receiver.carriers import CALLBACKS
from receiver.carriers.carrier import Callback
from receiver.config.reload import Reload, Watch
from receiver.config.settings import Settings, SettingsError
from receiver.erasure.own_spool import OwnSpool
from receiver.health.data_loss import DataLoss
from receiver.health.memory import Memory
from receiver.health.monitor import Monitor
from receiver.health.redis_state import RedisState
from receiver.health.subscription_warnings import SubscriptionWarnings
from receiver.intake.availability import Availability
from receiver.intake.group_commit import Intake
from receiver.intake.inbound_writer import Inbound, script
from receiver.intake.redis_link import RedisLink
from receiver.intake.spool import location
from receiver.intake.spool.drain import Drain
from receiver.intake.spool.spool import Spool
from receiver.metrics.scrape import Scrape
from receiver.runtime import hangup, logs, parent_death, redis_client
from receiver.runtime.bell import Bell
from receiver.runtime.cancelling import cancel
from receiver.runtime.tracing import switch
from receiver.web import asgi, reads
from receiver.web.admission import Admission
from receiver.web.context import Context
from receiver.web.ingest import Ingest, Respond
from receiver.web.openapi import Description
from receiver.web.protocol import is_whole
from receiver.web.request import Request as IncomingRequest
from receiver.web.responses import closing
from receiver.web.server import end_at_the_second_signal
from receiver.web.tracing import RequestSpans, TracedRequestSpans


class Receiver(Starlette):
    """A Starlette application that hands carriers' paths directly to their routes.

    The middleware and routing in between do nothing for them and cost half of what an empty
    endpoint does.
    """

    def __init__(self, carriers: Mapping[str, Ingest], **options: Any) -> None:
        super().__init__(**options)
        self._carriers = carriers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Route a request: `/a/b` is listener `default` of route `/a/b`, and `/a/b/name` its
        listener `name`.
        """
        if scope["type"] == "http" and (found := self._find(scope)):
            ingest, request = found
            return await asgi.respond(ingest, request, scope, receive, send)
        if scope["type"] == "http" and not (scope["method"] == "GET" and is_whole(receive)):
            send = closing(scope, receive, send)  # nobody there reads bodies
        return await super().__call__(scope, receive, send)

    def handle(self, scope: Scope, body: bytes, respond: Respond) -> bool:
        """Respond to a whole request on a carrier's route; False on any other route, with nothing
        done yet.
        """
        if not (found := self._find(scope)):
            return False
        ingest, request = found
        request.body = body
        ingest.handle(request, respond)
        return True

    def _find(self, scope: Scope) -> tuple[Ingest, IncomingRequest] | None:
        path, listener = scope["path"], "default"
        if not (ingest := self._carriers.get(path)):
            path, _, listener = path.rpartition("/")
            if not listener or not (ingest := self._carriers.get(path)):
                return None
        request = IncomingRequest(
            scope["method"], listener, scope["headers"], scope["query_string"], scope
        )
        return ingest, request


def create() -> Starlette:
    """Return the application of this process's environment, for the server to run."""
    hangup.listen()
    reload = Reload(os.environ)
    logs.configure(reload.settings.log_level)
    return build(reload.settings, reload)


def build(settings: Settings, reload: Reload | None = None) -> Starlette:
    """Wire an application. Nothing connects before its lifespan begins. `reload` takes a changed
    `receiver.toml`. Raises `SettingsError`.
    """
    if settings.redis_url is None:
        raise SettingsError("REDIS_URL is not set: name the Redis or Valkey to keep things in")
    bell = Bell(redis_client.client(settings.redis_url, timeout=redis_client.ANSWER_WITHIN))
    operators = [one.name for one in settings.operators]
    credentials, availability = Credentials(settings.bearer_digests, operators), Availability()
    reader = redis_client.client(settings.redis_url, timeout=redis_client.ANSWER_WITHIN)
    losses = DataLoss(_memory(settings, reader))
    spool = Spool(settings.spool_dir, settings.spool_bytes) if settings.spool_dir else None
    inbound, probe = (_inbound(settings, bell, losses, availability) for _ in range(2))
    intake = Intake(inbound, spool)
    drain = (
        Drain(spool, _inbound(settings, bell, losses, availability), availability)
        if spool
        else None
    )
    admission = Admission(settings.max_in_flight)
    client = redis_client.async_client(settings.redis_url)
    erasing = OwnSpool(client, spool, drain, settings) if spool and drain else None
    context = Context(settings, credentials, intake, admission, availability, client)
    server = RedisState(availability, losses, settings, inbound, probe)
    scrape = Scrape(settings, reader)
    subscriptions = SubscriptionWarnings(settings)
    monitor = Monitor(
        client,
        server,
        credentials,
        context.unauthenticated,
        context.counters,
        redis_client.address(settings.redis_url),
        subscriptions,
    )
    tracer = switch.start(settings.traces)
    description = Description(settings)

    def take(new: Settings) -> None:
        context.take(new)
        subscriptions.take(new)
        scrape.settings = description.settings = new
        if erasing:
            erasing.settings = new

    def ingest(callback: Callback) -> Ingest:
        spans = TracedRequestSpans(tracer, callback) if tracer else RequestSpans()
        return Ingest(context, callback, spans)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        parent_death.watch()
        end_at_the_second_signal()
        if spool and drain:
            await spool.start()
            drain.start()
        intake.start()
        with contextlib.suppress(*redis_client.DOWN_ON_THE_LOOP):
            await monitor.look()
        tasks = [monitor.run(), context.bodies.watch(), *([erasing.run()] if erasing else [])]
        watching = asyncio.gather(*tasks)
        _spare_the_garbage_collector()
        if reload:
            loop = asyncio.get_running_loop()
            Watch(reload, lambda new: loop.call_soon_threadsafe(take, new)).start()
        yield
        await cancel([watching])
        await intake.close()
        if spool and drain:
            await drain.close()
            await spool.close()
        if erasing:
            await erasing.close()
        await monitor.close()
        await probe.end()
        losses.close()
        bell.close()
        reader.close()
        if tracer:
            await asyncio.to_thread(tracer.close)

    app = Receiver(
        {callback.path: ingest(callback) for callback in CALLBACKS},
        routes=reads.routes(server, spool, scrape, description, subscriptions, reload),
        exception_handlers={HTTPException: reads.nowhere(context.unauthenticated)},
        lifespan=lifespan,
    )
    # A redirect would answer a POST with 307, which no carrier follows: 404 says what is wrong.
    app.router.redirect_slashes = False
    return app


def _memory(settings: Settings, client: redis.Redis) -> Memory:
    """On a disk that outlives the process, where there is one."""
    directory = location.own(settings.spool_dir) if settings.spool_dir else settings.data_dir
    database = client.connection_pool.connection_kwargs.get("db", 0)
    return Memory(directory, f"{redis_client.address(settings.redis_url or '')}/{database}")


def _inbound(
    settings: Settings, bell: Bell, losses: DataLoss, availability: Availability
) -> Inbound:
    link = RedisLink(settings.redis_url or "", script(), settings.ack_replicas)
    return Inbound(link, bell.ring, losses.writer(), availability)


def _spare_the_garbage_collector() -> None:
    """What is here now lives as long as the process; requests make no cycles worth a search."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
