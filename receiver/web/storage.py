"""The parts of one web process that make notifications durable, wired together."""

from pathlib import Path

import redis
import redis.asyncio

from receiver.config.settings import Settings
from receiver.erasure.own_spool import OwnSpool
from receiver.health.data_loss import DataLoss
from receiver.health.memory import Memory
from receiver.intake.availability import Availability
from receiver.intake.group_commit import Intake
from receiver.intake.inbound_writer import Inbound, script
from receiver.intake.redis_link import RedisLink
from receiver.intake.spool import location
from receiver.intake.spool.drain import Drain
from receiver.intake.spool.spool import Spool
from receiver.runtime import redis_client
from receiver.runtime.bell import Bell


class Storage:
    """The intake with its connections to Redis and, where one is configured, its spool."""

    def __init__(self, settings: Settings, url: str, client: redis.asyncio.Redis) -> None:
        """`client` is for erasing in the spool; each writer has a connection of its own."""
        blocking = redis_client.client(url, timeout=redis_client.ANSWER_WITHIN)
        self._url = url
        self._replicas = settings.ack_replicas
        self._bell = Bell(blocking)
        self.availability = Availability()
        self.losses = DataLoss(_memory(settings, url, blocking))
        self.inbound, self.probe = self._writer(), self._writer()
        self.spool: Spool | None = None
        self._drain: Drain | None = None
        self.erasing: OwnSpool | None = None
        """What erases a person's notifications in the spool."""
        if settings.spool_dir:
            self.spool = Spool(settings.spool_dir, settings.spool_bytes)
            self._drain = Drain(self.spool, self._writer(), self.availability)
            self.erasing = OwnSpool(client, self.spool, self._drain, settings)
        self.intake = Intake(self.inbound, self.spool)

    async def start(self) -> None:
        """Open the spool and begin to write."""
        if self.spool and self._drain:
            await self.spool.start()
            self._drain.start()
        self.intake.start()

    async def close(self) -> None:
        """Write what is left, and close everything."""
        await self.intake.close()
        if self.spool and self._drain and self.erasing:
            await self._drain.close()
            await self.spool.close()
            await self.erasing.close()
        await self.probe.end()
        self.losses.close()
        self._bell.close()

    def _writer(self) -> Inbound:
        link = RedisLink(self._url, script(), self._replicas)
        return Inbound(link, self._bell.ring, self.losses.writer(), self.availability)


def _memory(settings: Settings, url: str, client: redis.Redis) -> Memory:
    """Make the memory of the ledger's state, on a disk that outlives the process where one does."""
    directory: Path = location.own(settings.spool_dir) if settings.spool_dir else settings.data_dir
    database = client.connection_pool.connection_kwargs.get("db", 0)
    return Memory(directory, f"{redis_client.address(url)}/{database}")
