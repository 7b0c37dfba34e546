"""Connections that are not used again once their server says that it is a replica: the address may
lead to another one by then. Redis-py has this behind Sentinel only.
"""

from functools import cache
from inspect import iscoroutinefunction
from typing import Any

from redis.exceptions import ReadOnlyError


def use(pool: Any) -> None:
    """Have a pool, blocking or of the event loop, make such connections of its kind."""
    pool.connection_class = _moving(pool.connection_class)


@cache
def _moving(kind: Any) -> Any:
    return _moving_async(kind) if iscoroutinefunction(kind.read_response) else _moving_sync(kind)


def _moving_sync(kind: Any) -> Any:
    class Moving(kind):  # type: ignore[misc]
        def read_response(self, *args: Any, **options: Any) -> Any:
            try:
                return super().read_response(*args, **options)
            except ReadOnlyError:
                self.mark_for_reconnect()
                raise

    return Moving


def _moving_async(kind: Any) -> Any:
    class Moving(kind):  # type: ignore[misc]
        async def read_response(self, *args: Any, **options: Any) -> Any:
            try:
                return await super().read_response(*args, **options)
            except ReadOnlyError:
                self.mark_for_reconnect()
                raise

    return Moving
