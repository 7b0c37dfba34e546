"""Erasing people's events from what is parked of one sink, for `receiver erase`."""

from collections.abc import Iterator
from typing import Any

import redis

from receiver.contract.records import decode_erase_parked
from receiver.contract.redis_keys import (
    ERASE_PARKED_SECONDS,
    erase_parked,
    erase_parked_fields,
)
from receiver.contract.stored_values import UNREADABLE
from receiver.erasure.person import naming
from workers.parking.memory_use import Use
from workers.parking.parked_files import ParkedFiles


class Erasing:
    """Erase what is asked for from the files of one sink: one request after the other, one file at
    a time. How many events go from a file is counted in Redis before they go, so that a process
    that is killed leaves nothing uncounted.
    """

    def __init__(self, client: redis.Redis, sink: str) -> None:
        self._client: Any = client
        self._key = erase_parked(sink)
        self._heard: set[bytes] = set()
        self._person = ""
        self._request = b""
        self._files: ParkedFiles | None = None
        self._looks: Iterator[tuple[str, int, int]] = iter(())
        self._file, self._gone, self._unread = "", 0, 0

    def step(self, use: Use, files: ParkedFiles) -> None:
        """Look through one more file, and answer after the last, or after one that cannot be read
        or written. Raises `OSError`, `redis.RedisError`.
        """
        self._hear(use)
        try:
            if use.erase.get(self._person) != self._request or files is not self._files:
                self._begin(use, files)
            self._count()
            self._file, self._gone, unread = next(self._looks)
            self._unread += unread
        except (StopIteration, *UNREADABLE):
            self._answer()
        except OSError:
            self._unread += 1  # nothing comes back while somebody waits for the answer
            self._count(undo=True)
            self._answer()
            raise

    def _hear(self, use: Use) -> None:
        """Say that each new request has been heard of: one may have to wait for another."""
        for person, request in use.erase.items():
            if request not in self._heard:
                self._client.hset(self._key, erase_parked_fields(person)[1], request)
        self._heard = set(use.erase.values())

    def _begin(self, use: Use, files: ParkedFiles) -> None:
        self._person, self._request = next(iter(use.erase.items()))
        self._files, self._looks = files, iter(())
        self._file, self._gone, self._unread = "", 0, 0
        about = naming(decode_erase_parked(self._request).digits)
        self._looks = files.erase(about, use.returned)

    def _count(self, *, undo: bool = False) -> None:
        """Count what goes from the file that was looked through last, unless it is counted."""
        _, _, _, erased, file, _ = erase_parked_fields(self._person)
        if not self._gone or (self._client.hget(self._key, file) == self._file.encode()) != undo:
            return
        pipe = self._client.pipeline()
        pipe.hincrby(self._key, erased, -self._gone if undo else self._gone)
        pipe.hset(self._key, file, "" if undo else self._file)
        pipe.expire(self._key, ERASE_PARKED_SECONDS)
        pipe.execute()

    def _answer(self) -> None:
        _, _, answered, _, _, unread = erase_parked_fields(self._person)
        pipe = self._client.pipeline()
        # Beside the request: somebody else may have put another one in its place meanwhile.
        pipe.hset(self._key, mapping={answered: self._request, unread: self._unread})
        pipe.expire(self._key, ERASE_PARKED_SECONDS)
        pipe.execute()
        self._request = b""
