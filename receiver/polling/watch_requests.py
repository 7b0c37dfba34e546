"""What the company wrote into `receiver:watch`, taken into the watched messages."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import redis.asyncio
import structlog

from receiver.carriers import att
from receiver.config.polls import Poll
from receiver.contract.records import Refusal, encode
from receiver.contract.redis_keys import WATCH
from receiver.contract.stored_values import texts
from receiver.polling import watch_store
from receiver.polling.shelf import Shelf
from receiver.polling.store import end_receipt
from receiver.polling.watch import LIFE, Watch
from receiver.polling.watch_list import Unwatchable, refuse, status_poll

log = structlog.get_logger()

AT_ONCE: Final = 200


class WatchRequests:
    """Reads the stream. Any number of processes may: each entry counts once."""

    def __init__(self, client: "redis.asyncio.Redis", polls: Sequence[Poll], shelf: Shelf) -> None:
        self._client: Any = client
        self._polls = polls
        self._shelf = shelf

    async def take(self) -> int:
        """Begin to watch what the oldest entries name, and delete them. Returns how many there
        were. Raises one of `DOWN_ON_THE_LOOP`.
        """
        entries = await self._client.xrange(WATCH, count=AT_ONCE)
        if not entries:
            return 0
        pipe = self._client.pipeline(transaction=False)
        now = (await self._client.time())[0] * 1000
        for entry, fields in entries:
            name = entry.decode()
            try:
                pipe.eval(*watch_store.add(self._watch(name, _texts(fields), now), name))
            except Unwatchable as error:
                await self._refuse(name, fields, str(error))
        await pipe.execute()
        return len(entries)

    def _watch(self, entry: str, fields: Mapping[str, str], now: int) -> Watch:
        """Make the watch that an entry asks for. It begins when the entry was written, or now where
        the entry's id is no time.
        """
        message_id, sender = fields.get("id", ""), fields.get("sender", "")
        poll = status_poll(self._polls, fields.get("poll", ""))
        refuse(poll, message_id, sender)
        written = int(entry.partition("-")[0])
        since = written if now - LIFE * 1000 < written < now + 1000 else now
        receipt = self._shelf.receipts.new(since)
        return Watch(poll=poll.name, id=message_id, sender=sender, receipt=receipt, since=since)

    async def _refuse(self, entry: str, fields: Mapping[bytes, bytes], why: str) -> None:
        """Keep it with the reason, once, then delete it."""
        log.warning("watch.refused", entry=entry, why=why)
        body = msgspec.json.encode(_texts(fields))
        milliseconds = int(entry.partition("-")[0])
        receipt, listener = f"watch-{entry}", _texts(fields).get("poll", "")[:64]
        kept = Refusal(
            att.OUTBOX.name, listener, receipt, milliseconds, 400, f"watch: {why}", [], body
        )
        await self._shelf.append(receipt, [], [encode(kept)])
        await self._client.xdel(WATCH, entry)
        await end_receipt(self._client, receipt)


def _texts(fields: Mapping[bytes, bytes]) -> dict[str, str]:
    return {name: value.strip() for name, value in texts(fields).items()}
