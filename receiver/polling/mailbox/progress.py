"""How far a mailbox was read: stored only after what was read is on the inbound stream."""

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Final

import msgspec
import redis.asyncio
from msgspec import Struct

from receiver.contract.redis_keys import CONSENTS, mailbox_known, mailbox_state
from receiver.contract.stored_values import decoded, text
from receiver.polling.mailbox.consent_token import NoConsent
from receiver.runtime import scripts

_WRITE: Final = scripts.load(__package__, "write_progress")


class Waiting(Struct, frozen=True):
    """A message that was added, and that the gateway could not read yet."""

    message: dict[str, Any]
    """What the delta or the list had of it."""
    attempts: int = 0


class Progress(Struct, frozen=True, kw_only=True):
    """Where the reading of a mailbox stands. Times are seconds since 1970."""

    state: str = ""
    """The gateway's: everything up to it is on the inbound stream. Empty before the first list."""
    pinned: str = ""
    """The state that the list under way goes on from; empty where there is none."""
    building: bool = False
    """Whether the gateway was asked to build its index, and has not said that it is ready."""
    indexed: int = 0
    """How often in a row it was asked to."""
    indexed_at: float = 0.0
    lists: int = 0
    """How many rounds of lists in a row changed while they were read."""
    waiting: dict[str, Waiting] = {}
    """Message id -> what of it is still to be published."""


_decode = msgspec.json.Decoder(Progress).decode


class ProgressStore:
    """The progress of one poll, and the messages that it knows."""

    def __init__(self, client: "redis.asyncio.Redis", poll: str) -> None:
        self._client: Any = client
        self._poll = poll
        self._state = mailbox_state(poll)
        self._known = mailbox_known(poll)

    async def read(self) -> Progress:
        """Return the progress; that of a mailbox that was never read, if there is none, or somebody
        else wrote it: then it is listed anew.
        """
        return decoded(_decode, await self._client.get(self._state)) or Progress()

    async def write(
        self, progress: Progress, known: Mapping[str, str] = {}, gone: Iterable[str] = ()
    ) -> None:
        """Store the progress, with the flags of messages that are known now, and those that are
        gone. Raises `NoConsent` where the consent was deleted meanwhile, and all this with it.
        """
        pairs = [word for pair in known.items() for word in pair]
        words = (self._poll, msgspec.json.encode(progress), len(pairs), *pairs, *gone)
        keys = (CONSENTS, self._state, self._known)
        if not await self._client.eval(_WRITE, len(keys), *keys, *words):
            raise NoConsent(self._poll, "is not there any more")

    async def flags(self, ids: list[str]) -> dict[str, str]:
        """Return the flags of those of these messages that are known."""
        if not ids:
            return {}
        found = await self._client.hmget(self._known, ids)
        return {id_: text(one) for id_, one in zip(ids, found, strict=True) if one is not None}

    async def ids(self) -> AsyncIterator[str]:
        """Yield the ids of all messages that are known."""
        # Without their values (NOVALUES) only Redis 7.4 and Valkey 8 give them.
        async for name, _ in self._client.hscan_iter(self._known, count=1000):
            if text(name).encode() == name:  # or somebody else wrote it
                yield text(name)
