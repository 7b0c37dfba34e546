"""Reading what the receiver publishes, for the verdict."""

from collections import Counter
from typing import Any, Final

from receiver.runtime import redis_client
from receiver.simulate.att_gateway.verdict import texts

_AT_ONCE: Final = 1000


class StreamReader:
    """One stream, from where it ended when the gateway started."""

    def __init__(self, url: str, stream: str) -> None:
        """Prepare a client. Raises `ValueError` on an address that is none."""
        self._client = redis_client.async_client(url)
        self._stream = stream
        self._after = "0-0"

    async def begin(self) -> None:
        """Find the end of the stream. Raises one of `redis_errors.DOWN`."""
        last: Any = await self._client.xrevrange(self._stream, count=1)
        if last:
            self._after = last[0][0].decode()

    async def texts(self, known: set[str]) -> Counter[str]:
        """Return how often each of these texts came out since then."""
        found: Counter[str] = Counter()
        after = self._after
        while True:
            entries: Any = await self._client.xrange(self._stream, f"({after}", "+", _AT_ONCE)
            if not entries:
                return found
            for entry, fields in entries:
                found.update(texts(fields.values(), known))
                after = entry.decode()

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()
