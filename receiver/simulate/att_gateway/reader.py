"""Reading what the receiver publishes, for the verdict."""

from collections import Counter
from typing import Any, Final

from receiver.simulate import reader
from receiver.simulate.att_gateway.verdict import texts

_AT_ONCE: Final = 1000


class StreamReader(reader.StreamReader):
    """One stream, from where it ended when the gateway started."""

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
