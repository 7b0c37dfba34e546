"""Reading the events stream with a consumer group. The only part that needs redis-py."""

import contextlib
import logging
import os
import socket
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from receiver.events.parsing import AnyEvent, parse
from receiver.events.redis_replies import order, passes, text, word

if TYPE_CHECKING:
    import redis

log = logging.getLogger("receiver.events")

STREAM: Final = "receiver:events"
_FORGET: Final = (
    "if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) == 0 then "
    "redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2]) end"
)
"""Takes a name out of its group where nothing is open under it, else it would stay for ever."""
PAUSE: Final = 1.0
"""Seconds until a Redis that is away is asked again."""


class Delivery:
    """Hold one entry of the stream, which comes again until it is acknowledged."""

    def __init__(self, consumer: "Consumer", entry: str, document: bytes) -> None:
        self.entry = entry
        """Its id on the stream; ids are in the order in which events came out."""
        self.document = document
        """The event as JSON."""
        self._consumer = consumer

    @property
    def event(self) -> AnyEvent:
        """Return the event. Raises `NotAnEvent` for what somebody else has put on the stream."""
        return parse(self.document)

    def ack(self) -> None:
        """Acknowledge it: it is done, and comes to nobody of this group again."""
        self._consumer.ack(self)


class Consumer:
    """Read the events stream as one of a group whose consumers share the work.

    Iterating yields, for ever, what a consumer of the group left unacknowledged when it died, and
    what is new. `take_over` is after how many seconds an entry counts as left: at least twice as
    long as the work on any one event takes. `start` is where a new group begins: `0` with all that
    is stored, `$` with what comes from then on; there too where the group was lost meanwhile. A
    Redis that is away is waited for, also by `ack`.

    `redis` is a URL, or a client of redis-py's. `name` must be another one for each process; by
    default it is made of the host's name and the process id.
    """

    def __init__(
        self,
        redis: "str | redis.Redis",
        group: str,
        *,
        stream: str = STREAM,
        name: str = "",
        start: str = "0",
        take_over: float = 60.0,
        batch: int = 100,
    ) -> None:
        self._redis = _client(redis) if isinstance(redis, str) else redis
        self.name = name or f"{socket.gethostname()}-{os.getpid()}"
        self._group, self._stream, self._start = group, stream, start
        self._take_over, self._batch = take_over, batch
        self._of_new = False
        """Whether a group that is lost begins where this one did, at the end of the stream."""
        self._stopping = False
        self._held: list[Delivery] = []
        """What was read and is not begun."""
        self._after = ""
        """The last entry that others left and this one has looked at, while there may be more."""
        self._looked = 0.0
        """When what others left was last looked for (monotonic)."""

    def __enter__(self) -> "Consumer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Delivery]:
        if self._start == "$":
            self._start, self._of_new = self._patiently(self._last), True
        while not self._stopping:
            held = self._held = self._patiently(self._left) or self._patiently(self._new)
            since = time.monotonic()
            while held and not self._stopping:
                if time.monotonic() - since > self._take_over / 4:
                    held = self._held = self._patiently(self._keep, held)
                    since = time.monotonic()
                    continue
                yield held.pop(0)
        self._let_go()

    def ack(self, delivery: Delivery) -> None:
        """Acknowledge a delivery; done twice it does nothing."""
        self._patiently(self._redis.xack, self._stream, self._group, delivery.entry)

    def stop(self) -> None:
        """End the iteration after the event that is worked on; safe in a signal handler. What was
        read besides goes to the others at once.
        """
        self._stopping = True

    def close(self) -> None:
        """Leave the group, if nothing of it is open under this name, and disconnect. What was read
        and not begun goes to the others at once, also where an error or a `break` ended the work.
        """
        import redis

        self.stop()
        with contextlib.suppress(redis.RedisError):
            self._let_go()
            mine = self._redis.xpending_range(
                self._stream, self._group, "-", "+", 1, consumername=self.name
            )
            if not mine:
                self._redis.xgroup_delconsumer(self._stream, self._group, self.name)
        self._redis.close()

    def _last(self) -> str:
        """Return where `$` is now: a group that is lost later begins there again."""
        import redis

        try:
            found: Any = self._redis.xinfo_stream(self._stream)
        except redis.ResponseError as error:
            if not str(error).startswith("no such key"):
                raise
            return "0-0"
        return text(found["last-generated-id"])

    def _left(self) -> list[Delivery]:
        """Take over the next that is open for longer than `take_over`, after the one before. One by
        one: an event that ends its consumer each time would hold back all that is claimed with it.
        """
        import redis

        if not self._after and time.monotonic() - self._looked < min(5.0, self._take_over):
            return []
        self._looked = time.monotonic()
        idle, first = int(self._take_over * 1000), f"({self._after}" if self._after else "-"
        found: Any = self._redis.xpending_range(self._stream, self._group, first, "+", 1, idle=idle)
        self._after = text(found[0]["message_id"]) if found else ""
        if not found:
            return []
        left: Any = self._redis.xclaim(self._stream, self._group, self.name, idle, [self._after])
        with contextlib.suppress(redis.RedisError):  # a user who may run no script, among others
            self._redis.eval(_FORGET, 1, self._stream, self._group, found[0]["consumer"])
        return self._deliveries(left)

    def _new(self) -> list[Delivery]:
        block = None if self._after else 1000  # more may have been left
        found: Any = self._redis.xreadgroup(
            self._group, self.name, {self._stream: ">"}, count=self._batch, block=block
        )
        new: Any = next(iter(dict(found or {}).values()), [])
        # Under RESP3 it lies one list deeper.
        return self._deliveries(new[0] if new and isinstance(new[0], list) else new)

    def _keep(self, held: list[Delivery], idle: int = 0) -> list[Delivery]:
        """Return those of `held` that are still open and this consumer's, claimed again as read so
        long (ms) ago: with 0 nobody takes them over now.
        """
        mine: Any = self._redis.xpending_range(
            *(self._stream, self._group, held[0].entry, held[-1].entry, len(held)),
            consumername=self.name,
        )
        if not mine:
            return []
        entries = [one["message_id"] for one in mine]
        left: Any = self._redis.xclaim(
            self._stream, self._group, self.name, 0, entries, idle=idle, justid=True
        )
        names = set(map(text, left))
        return [one for one in held if one.entry in names]

    def _let_go(self) -> None:
        """Have what was read and not begun count as left."""
        held, self._held = self._held, []
        if held:
            self._patiently(self._keep, held, int(1000 * self._take_over))

    def _deliveries(self, entries: Any) -> list[Delivery]:
        made = []
        for entry, fields in entries:
            document = (fields or {}).get(b"event", (fields or {}).get("event", b""))
            document = document.encode() if isinstance(document, str) else document
            made.append(Delivery(self, text(entry), document))
        return made

    def _patiently(self, ask: Any, *args: Any) -> Any:
        """Ask until Redis answers; a group that is not there, or no more, is created."""
        import redis

        away = False
        while True:
            try:
                found = ask(*args)
            except redis.RedisError as error:
                missing = str(error).startswith("NOGROUP")
                if not (missing or passes(error)):
                    raise
                if self._stopping:
                    self._held = []  # its end would wait for one more timeout
                    return []
                if missing:
                    self._patiently(self._create_group)
                    continue
                # Its address may lead to another server now; this one may keep its connections.
                self._redis.connection_pool.disconnect(inuse_connections=False)
                if not away:
                    log.warning("Redis is away (%s): waiting for it", word(error))
                away = True
                time.sleep(PAUSE)
            else:
                if away:
                    log.warning("Redis is back")
                return found

    def _create_group(self) -> None:
        import redis

        start = self._start
        if self._of_new and order(self._last()) < order(start):
            start = "0"  # a Redis that came back empty, with its clock behind: all of it is new
        try:
            self._redis.xgroup_create(self._stream, self._group, start, mkstream=True)
        except redis.ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise


def _client(url: str) -> "redis.Redis":
    import redis

    return redis.Redis.from_url(url, socket_timeout=10)
