"""Spans that wait to be exported, and the thread that exports them.

The batching processor of OpenTelemetry's specification ("Tracing SDK") by its variables, for spans
that are encoded already. What it cannot hold is dropped, the oldest first: nobody waits for it.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Final, NamedTuple

import structlog

from receiver.runtime.logs import SELDOM
from receiver.runtime.tracing.variables import number

MAX_QUEUE_SIZE: Final = 2048
MAX_EXPORT_BATCH_SIZE: Final = 512
SCHEDULE_DELAY: Final = 5000
"""Milliseconds; as the two above, of the specification."""
_FULL: Final = "more spans than the queue holds"
_ENDED: Final = "the process has ended"

log = structlog.get_logger()


class Lost(NamedTuple):
    """Hold how many spans of a batch are lost, and why."""

    spans: int
    reason: str


class SpanQueue:
    """Hold spans until a thread has exported them, in batches."""

    def __init__(
        self, export: Callable[[Sequence[bytes]], Lost], environ: Mapping[str, str]
    ) -> None:
        """`export` takes spans and returns which of them are lost. Raises `ValueError` for a size
        or delay that is none.
        """
        held = _positive(environ, "OTEL_BSP_MAX_QUEUE_SIZE", MAX_QUEUE_SIZE)
        batch = _positive(environ, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", MAX_EXPORT_BATCH_SIZE)
        self._delay = _positive(environ, "OTEL_BSP_SCHEDULE_DELAY", SCHEDULE_DELAY) / 1000
        self._export = export
        self._spans: deque[bytes] = deque(maxlen=held)
        self._batch = min(batch, held)
        self._wanted = threading.Event()
        """Whether the thread is to look, because a batch is full or the end has come."""
        self._closing = False
        self._dropped = self._dropped_said = 0
        """How many the queue had no room for; the first is written by `put` alone."""
        self._sending = 0
        self._lost = Counter[str]()
        """How many are lost, by the reason, that the log has not said yet."""
        self._due = -inf
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)
        self._thread.start()

    def put(self, span: bytes) -> None:
        """Add a span; the oldest one goes if there is no room for it."""
        spans = self._spans
        self._dropped += len(spans) == spans.maxlen
        spans.append(span)
        if len(spans) >= self._batch and not self._wanted.is_set():
            self._wanted.set()

    def close(self, within: float) -> None:
        """Export what waits, and wait for that so many seconds at most; say what is lost."""
        self._closing = True
        self._wanted.set()
        self._thread.join(within)
        if self._thread.is_alive():
            self._lost[_ENDED] += self._sending + len(self._spans)
        self._say(last=True)

    def _run(self) -> None:
        while not self._closing:
            full = self._wanted.wait(self._delay)
            self._wanted.clear()
            self._send(self._batch if full else 1)
        while self._spans:
            self._send(1)

    def _send(self, least: int) -> None:
        """Export a batch of so many spans at least, and while there are more the full ones."""
        spans = self._spans
        while len(spans) >= least:
            batch = [spans.popleft() for _ in range(min(len(spans), self._batch))]
            self._sending = len(batch)
            lost = self._export(batch)
            self._lost[lost.reason] += lost.spans
            self._sending = 0
            self._say()
        self._say()

    def _say(self, *, last: bool = False) -> None:
        """Say how many spans are lost, by the reason, at most every ten seconds until the last
        time.
        """
        if time.monotonic() < self._due and not last:
            return
        dropped, lost, self._lost = self._dropped, self._lost, Counter()
        lost[_FULL] += dropped - self._dropped_said
        self._dropped_said = dropped
        for reason, spans in lost.items():
            if spans:
                log.warning("traces.lost", reason=reason, spans=spans)
                self._due = time.monotonic() + SELDOM


def _positive(environ: Mapping[str, str], name: str, unset: int) -> int:
    found = int(number(environ, unset, name))
    if found <= 0:
        raise ValueError(name)
    return found
