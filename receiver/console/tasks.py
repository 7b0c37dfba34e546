"""Work on many entries at once: a thread each, with progress, and an end that anybody may ask for.

The entries are those of a filter at the moment when its count was shown; what comes later is not
touched. A task lives in this process only: after a restart what it had done is done.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

import structlog

from receiver.console.forms import NotDone
from receiver.operations.event_replay import Stopped
from receiver.operations.replay_throttle import NoRoom
from receiver.runtime.redis_errors import DOWN

log = structlog.get_logger()

REMEMBERED: Final = 50
MOST_RUNNING: Final = 8
"""At the same time: each has a thread."""
REASONS: Final = 20
"""Why entries failed: those that a page shows, which asks again every second."""

Work = Callable[["Task"], Iterator[tuple[str, str]]]
"""Yields the id of each entry and what became of it: `done`, `gone`, or why it failed."""


class Cancelled(Exception):
    """Somebody asked for the end."""


class Task:
    """One piece of work and how far it is."""

    def __init__(
        self,
        name: str,
        title: str,
        who: str,
        total: int,
        back: str = "/dead-letters",
        *,
        at_least: bool = False,
    ) -> None:
        self.id = name
        """The same for each time that one confirmation is sent."""
        self.title = title
        self.who = who
        self._total = total
        self.at_least = at_least
        """Whether there may be more than was counted."""
        self.back = back
        """The page that it was begun on."""
        self.ended = 0.0
        self.outcomes: Counter[str] = Counter()
        self.waits_for = ""
        """What it waits for now, in words."""
        self.end = ""
        """How it ended: `done`, `cancelled`, or why it stopped; empty while it runs."""
        self._cancelled = threading.Event()

    @property
    def total(self) -> int:
        """Return how many entries there are, as far as that is known."""
        return max(self._total, self.done)

    @property
    def done(self) -> int:
        """Return how many entries have their outcome."""
        return self.outcomes.total()

    @property
    def failures(self) -> list[tuple[str, int]]:
        """Return why entries failed, with counts, the most frequent first; those that are too
        many to show stand together in the end.
        """
        found = [one for one in self.outcomes.most_common() if one[0] not in ("done", "gone")]
        rest = found[REASONS:]
        others = [(f"{len(rest)} other reasons", sum(number for _, number in rest))]
        return found[:REASONS] + others * bool(rest)

    def cancel(self) -> None:
        """Ask for the end; what is done stays done."""
        self._cancelled.set()

    def wait_for(self, why: str) -> None:
        """Say what is waited for. Raises `Cancelled` where the end was asked for."""
        self.waits_for = why
        if self._cancelled.is_set():
            raise Cancelled

    def run(self, work: Work) -> None:
        """Do the work to its end. Raises nothing."""
        try:
            for _, outcome in work(self):
                self.outcomes[outcome] += 1
                self.wait_for("")
            # What was counted and came no more, somebody else was faster with.
            self.outcomes["gone"] += max(0, self._total - self.done)
            self.end = "done"
        except Cancelled:
            self.end = "cancelled"
        except (NoRoom, Stopped) as why:
            self.end = f"stopped: {why}; the rest stays"
        except DOWN as error:
            log.warning("console.task", error=type(error).__name__)
            self.end = "stopped: Redis does not answer as it should; the rest stays"
        except Exception as error:  # noqa: BLE001 - the page has to say that it ended
            log.warning("console.task", error=type(error).__name__)
            self.end = f"stopped: {type(error).__name__}; the rest stays"
        finally:
            self.ended = time.time()


class Tasks:
    """The tasks of this process, the latest of them."""

    def __init__(self) -> None:
        self._tasks: dict[str, Task] = {}
        self._one = threading.Lock()

    def start(self, task: Task, work: Work, write: Callable[[], None]) -> None:
        """Start a task in a thread of its own, once that is on the audit trail, which `write` does;
        a task that was started before is not started again. Raises `NotDone` where too many run,
        and what `write` raises.
        """
        with self._one:
            if task.id in self._tasks:
                return
            if sum(not one.ended for one in self._tasks.values()) >= MOST_RUNNING:
                sentence = f"{MOST_RUNNING} tasks run already: wait for one to end, or cancel one."
                raise NotDone(503, "Nothing was done", sentence)
            self._tasks[task.id] = task
            self._forget()
        try:
            write()
        except BaseException:
            self._tasks.pop(task.id, None)
            raise
        threading.Thread(target=task.run, args=(work,), name=f"task-{task.id}", daemon=True).start()

    def _forget(self) -> None:
        """Forget those that ended first, never one that runs."""
        ended = [one.id for one in self._tasks.values() if one.ended]
        for name in ended[: max(0, len(self._tasks) - REMEMBERED)]:
            del self._tasks[name]

    def get(self, name: str) -> Task | None:
        """Return a task, or None for one of another process or long ago."""
        return self._tasks.get(name)
