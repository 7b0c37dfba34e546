"""A client of Redis for pages: where it was just silent, nobody waits for it again at once.

A Redis that is frozen, or behind a line that is cut, answers nothing and refuses nothing: each page
would wait for each of its commands, and all others for its thread.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import redis

WITHIN: Final = 2.0
"""Seconds for one command."""
SILENT: Final = 2.0
"""Seconds for which nothing is asked after a command had no answer."""


class Impatient(redis.Redis):
    """Raises `redis.TimeoutError` at once for a while after it had to."""

    _silent_until = 0.0

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Run one command."""
        with self._asked():
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]

    def pipeline(self, transaction: Any = True, shard_hint: Any = None) -> Any:
        """Return a pipeline that is as impatient."""
        pipe: Any = super().pipeline(transaction, shard_hint)
        execute = pipe.execute

        def impatiently(*args: Any, **options: Any) -> Any:
            with self._asked():
                return execute(*args, **options)

        pipe.execute = impatiently
        return pipe

    @contextmanager
    def _asked(self) -> Iterator[None]:
        if time.monotonic() < self._silent_until:
            raise redis.TimeoutError("it did not answer a moment ago")
        try:
            yield
        except redis.TimeoutError:
            self._silent_until = time.monotonic() + SILENT
            raise
