"""The steps of a sweep, each by itself: what is wrong with one key holds back one step alone."""

from collections.abc import Callable
from typing import TypeVar

import structlog
from redis.exceptions import ResponseError

from receiver.runtime import redis_errors
from receiver.runtime.logs import Seldom

T = TypeVar("T")

log = structlog.get_logger()


class Steps:
    """Take steps, and remember what Redis refused in one."""

    def __init__(self) -> None:
        self.refused = ""
        """Why Redis refused a step, the latest; whoever takes steps empties it."""
        self._seldom = Seldom(log)

    def take(self, name: str, step: Callable[[], T], otherwise: T) -> T:
        """Return what a step returns; otherwise that, where it fails, which is said. Raises one of
        `redis_errors.DOWN` where Redis is away, or refuses every step alike.
        """
        try:
            return step()
        except ResponseError as error:
            if redis_errors.is_of_all_keys(error):
                raise
            self.refused = redis_errors.refusal(error)
            self._seldom.say("error", "sweep.failed", step=name, reason=self.refused)
        except redis_errors.DOWN:
            raise
        except Exception as error:  # noqa: BLE001 - what one key holds may not end the supervisor
            self._seldom.say("error", "sweep.failed", step=name, reason=type(error).__name__)
        return otherwise
