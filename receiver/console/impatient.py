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
SLOW: Final = 1.0
"""Seconds after which a command that is answered was slow."""
SLOW_TOGETHER: Final = 5.0
"""Seconds of slow commands, with no other between them, after which Redis counts as silent: a page
asks a dozen times, and who waits for it sees nothing meanwhile."""


class Impatient(redis.Redis):
    """Raises `redis.TimeoutError` at once for a while after it had to."""

    _silent_until = 0.0
    _slow = 0.0
    """Seconds of slow commands since the last one that was not."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Run one command."""
        with self._asked(waits=b"BLOCK" in args):
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
    def _asked(self, *, waits: bool = False) -> Iterator[None]:
        """Refuse while Redis is silent, and notice when it is. How long a command takes that
        `waits` for what is still to come says nothing of Redis.
        """
        begun = time.monotonic()
        if begun < self._silent_until:
            raise redis.TimeoutError("it did not answer a moment ago")
        try:
            yield
        except redis.TimeoutError:
            self._silent_until = time.monotonic() + SILENT
            raise
        if waits:
            return
        now = time.monotonic()
        self._slow = self._slow + now - begun if now - begun > SLOW else 0.0
        if self._slow > SLOW_TOGETHER:
            self._slow, self._silent_until = 0.0, now + SILENT
