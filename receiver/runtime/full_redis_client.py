"""A Redis client whose commands run on a full server too: those of RQ, of leases, of ringing.

A full server refuses every command that needs memory, a worker's registration with RQ among them,
and then no worker could free memory. Scripts with the flag `allow-oom` may still write. So a
command that was refused for lack of memory, and no other, is run again by such a script.
"""

import time
from typing import Any, Final

import redis
from redis.client import Pipeline
from redis.exceptions import OutOfMemoryError

from receiver.runtime import scripts

_RUN: Final = scripts.load(__package__, "run_commands")
_PAUSE: Final = 0.2
"""Seconds to wait after a blocking command that returned nothing: in a script none blocks."""


class FullRedisClient(redis.Redis):
    """Run commands as `redis.Redis` does, on a full server by a script that may allocate memory."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Run one command. Raises as `redis.Redis` does, except `OutOfMemoryError`."""
        try:
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except OutOfMemoryError:
            name = str(args[0])
            if name.startswith("EVAL"):
                raise  # a script has the flag itself, or is to be refused
            reply = super().execute_command(  # type: ignore[no-untyped-call]
                "EVAL", _RUN, 0, *_words(_at_once(args))
            )[0]
            if reply is None and name.startswith("BL"):
                time.sleep(_PAUSE)
            return reply

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> Pipeline:
        """Return a pipeline whose transactions run as a whole on a full server too."""
        kind = _FullPipeline if transaction else Pipeline
        return kind(self.connection_pool, self.response_callbacks, transaction, shard_hint)


class _FullPipeline(Pipeline):
    def execute(self, raise_on_error: bool = True) -> list[Any]:
        commands = [args for args, _ in self.command_stack]
        try:
            return super().execute(raise_on_error)
        except OutOfMemoryError:  # nothing of the transaction has run
            words = [word for args in commands for word in _words(args)]
            with redis.Redis(connection_pool=self.connection_pool) as client:
                replies: Any = client.eval(_RUN, 0, *words)
            return list(replies)


def _at_once(args: Any) -> Any:
    """Return a command without its wait: Redis 7.0 lets no script run one that may wait."""
    return ("LMOVE", *args[1:-1]) if args[0] == "BLMOVE" else args


def _words(args: Any) -> list[Any]:
    """Return a command as the script takes it; redis-py writes some names in two words."""
    words = [*str(args[0]).split(), *args[1:]]
    return [len(words), *words]
