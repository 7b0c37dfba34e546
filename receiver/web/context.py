"""What all routes of the web process share."""

import asyncio
from collections.abc import Callable
from typing import Final

import redis.asyncio
import structlog

from receiver.auth.bearer import Credentials
from receiver.config.settings import Settings
from receiver.intake.accept import Receipts
from receiver.metrics.counters import ACKNOWLEDGED, Counters
from receiver.metrics.unauthenticated import UnauthenticatedCounts
from receiver.runtime.logs import Seldom
from receiver.runtime.redis_errors import DOWN_ON_THE_LOOP
from receiver.web.admission import Admission
from receiver.web.listener_shares import ListenerShares
from receiver.web.request_body import Bodies
from receiver.web.rules import Rules
from receiver.web.storage import Storage

_ANSWER_WITHIN: Final = 1.0
"""Seconds that a request waits for the look-up of its credential."""


_seldom = Seldom(structlog.get_logger())


class Context:
    """The parts that all routes share: credentials, intake, admission, counters."""

    def __init__(
        self,
        settings: Settings,
        credentials: Credentials,
        storage: Storage,
        client: redis.asyncio.Redis,
    ) -> None:
        """`client` asks Redis for credentials that were made a moment ago."""
        self._client = client
        self._looking: set[asyncio.Task[None]] = set()
        self.signing_secrets = settings.signing_secrets
        self.keep_headers = settings.keep_headers
        self.credentials = credentials
        self.intake = storage.intake
        self.admission = Admission(settings.max_in_flight)
        self._shares = ListenerShares(settings.listeners, self.admission, settings.max_in_flight)
        self.rules = self._rules(settings)
        """What `receiver.toml` says now; a request goes by those that it began with."""
        self.availability = storage.availability
        self.receipts = Receipts()
        self.bodies = Bodies(settings.max_body_bytes)
        self.unauthenticated = UnauthenticatedCounts()
        self.counters = Counters()
        self.counters.configured = len(settings.listeners)
        self.acknowledged = self.counters.times(ACKNOWLEDGED)
        """From a notification's last byte until it was durable."""

    def look_up(self, digest: bytes, then: Callable[[bool], None]) -> None:
        """Look a subscription's credential up and call `then` with what `looked_up` returns."""

        async def look() -> None:
            then(await self.looked_up(digest))

        task = asyncio.get_running_loop().create_task(look())
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)

    async def looked_up(self, digest: bytes) -> bool:
        """Return whether the store has answered; then the credential is known, or there is none."""
        try:
            async with asyncio.timeout(_ANSWER_WITHIN):
                return await self.credentials.subscriptions.look_up(self._client, digest)
        except DOWN_ON_THE_LOOP:
            return False
        except Exception as error:  # noqa: BLE001 - a fault of ours, whatever it is, is a 503
            _seldom.say("error", "credentials.fault", error=type(error).__name__)
            return False

    def take(self, settings: Settings) -> None:
        """Have requests that begin from now on go by what `receiver.toml` says now."""
        self._shares.update(settings.listeners)
        self.counters.configured = len(settings.listeners)
        self.rules = self._rules(settings)
        self.credentials.subscriptions.serve(one.name for one in settings.operators)

    def _rules(self, settings: Settings) -> Rules:
        names = frozenset(one.name for one in settings.listeners)
        return Rules(
            handshake=settings.handshake,
            listeners=names,
            inbox_texts=frozenset(one.name for one in settings.listeners if one.inbox_text),
            shares=self._shares if names else None,
        )
