"""Erasing a person's events from what is parked of one sink, for `receiver erase`."""

from collections.abc import Iterator
from typing import Any

import msgspec
import redis

from receiver.contract.records import decode_erase_parked
from receiver.contract.redis_keys import ERASE_PARKED_SECONDS, erase_parked
from receiver.erasure.person import naming
from workers.parking.memory_use import Use
from workers.parking.parked_files import ParkedFiles


class Erasing:
    """Erase what is asked for from the files of one sink, one file at a time."""

    def __init__(self, client: redis.Redis, sink: str) -> None:
        self._client: Any = client
        self._key = erase_parked(sink)
        self._request = b""
        self._files: ParkedFiles | None = None
        self._looks: Iterator[tuple[int, int]] = iter(())
        self._gone = self._unread = 0

    def step(self, use: Use, files: ParkedFiles) -> None:
        """Look through one more file, and answer after the last, or after one that cannot be read
        or written. Raises `OSError`, `redis.RedisError`.
        """
        try:
            if use.erase != self._request or files is not self._files:
                self._begin(use, files)
            gone, unread = next(self._looks)
            self._gone += gone
            self._unread += unread
        except (StopIteration, msgspec.DecodeError):
            self._answer()
        except OSError:
            self._unread += 1  # nothing comes back while somebody waits for the answer
            self._answer()
            raise

    def _begin(self, use: Use, files: ParkedFiles) -> None:
        self._client.hset(self._key, "began", use.erase)
        self._request, self._files, self._looks = use.erase, files, iter(())
        self._gone = self._unread = 0
        about = naming(decode_erase_parked(use.erase).digits)
        self._looks = files.erase(about, use.returned)

    def _answer(self) -> None:
        answer: Any = {"answered": self._request, "erased": self._gone, "unread": self._unread}
        pipe = self._client.pipeline()
        # Beside the request: somebody else may have put another one in its place meanwhile.
        pipe.hset(self._key, mapping=answer)
        pipe.expire(self._key, ERASE_PARKED_SECONDS)
        pipe.execute()
        self._request = b""
