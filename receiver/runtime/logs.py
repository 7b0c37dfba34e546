"""Logging of every process: JSON lines into a pipe or file, readable lines on a terminal; on
stderr.

A line is an event's name and fields; never a body, number, text or token. Libraries that log by
themselves (uvicorn, rq) come out in the same form, from warnings on, without long numbers, and an
exception without its message, which might repeat what it failed on.
"""

import logging
import os
import re
import sys
import threading
import time
import traceback
from collections.abc import Iterable, MutableMapping
from typing import Any, Final

import structlog
from structlog.typing import Processor

from receiver.runtime.log_output import LogOutput

_ATOMIC: Final = 4096
"""Bytes that a pipe takes in one piece, whoever else writes into it (POSIX: PIPE_BUF)."""
_PRIVATE: Final = re.compile(r"\+?\d{6,}|(?<=access_token=)[^&\s\"']+|(?<=[Bb]earer )\S+")

SELDOM: Final = 10.0
"""Seconds between two of the same lines, where a fault would repeat them."""
_REMEMBERED: Final = 64
LASTS: Final = 60.0
"""Seconds between two lines about a condition that lasts."""
_output: Final = LogOutput()

Fields = MutableMapping[str, Any]


def configure(level: str) -> None:
    """Configure this process's logging; call it once, before anything is logged."""
    form: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper("iso", utc=True),
        _fault,
    ]
    render = _renderer()
    _output.open()
    structlog.configure(
        processors=[*form, render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(_Stderr()),  # type: ignore[arg-type]
        cache_logger_on_first_use=True,
    )
    libraries = logging.StreamHandler(_Stderr())
    libraries.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, _discreet, *form],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    logging.basicConfig(handlers=[libraries], level=logging.WARNING, force=True)
    sys.excepthook = lambda _type, error, _trace: _say_uncaught(error)
    threading.excepthook = lambda ended: _say_uncaught(ended.exc_value)


def say_refusal(sentences: Iterable[str]) -> None:
    """Say why a process does not start: as sentences on a terminal, else as lines of its log."""
    if readable():
        for sentence in sentences:
            print(f"receiver: {sentence}", file=sys.stderr)
        return
    configure("info")
    for sentence in sentences:
        structlog.get_logger().error("start.refused", reason=sentence)


class Seldom:
    """Limit repeated log lines: each distinct line at most every ten seconds, with the `count` of
    those it stands for, so that one fault does not flood the log.
    """

    def __init__(self, log: Any) -> None:
        self._log = log
        self._lines: dict[tuple[str, ...], tuple[int, float]] = {}

    def say(self, level: str, event: str, **fields: str) -> None:
        """Log an event, or count it while its line is held back. Equal event and fields make the
        same line.
        """
        now, line = time.monotonic(), (event, *fields.values())
        unsaid, due = self._lines.get(line, (0, now))
        if now < due:
            self._lines[line] = unsaid + 1, due
            return
        if len(self._lines) >= _REMEMBERED:
            self._lines.clear()
        self._lines[line] = 0, now + SELDOM
        getattr(self._log, level)(event, **fields, count=unsaid + 1)


class Condition:
    """Log a lasting condition, such as an unreachable Redis: a line when it begins, one a minute
    while it lasts, and one at its end with its duration. Its reason may change meanwhile.
    """

    def __init__(self, log: Any, begun: str, over: str, **fields: str) -> None:
        self._log = log
        self._begun = begun
        self._over = over
        self._fields = fields
        self._since = 0.0
        self._due = 0.0
        self._reason = ""

    def is_now(self, reason: str) -> None:
        """Note why the condition holds; an empty reason means it does not. Call it at every
        check.
        """
        now = time.monotonic()
        if reason and (not self._reason or now >= self._due):
            self._since = self._since if self._reason else now
            self._due = now + LASTS
            self._log.warning(self._begun, reason=reason, **self._fields)
        elif self._reason and not reason:
            seconds = round(now - self._since, 1)
            self._log.warning(self._over, seconds=seconds, reason=self._reason, **self._fields)
        self._reason = reason


class _Stderr:
    """Write each line to stderr at once and in one piece."""

    def write(self, text: str) -> None:
        _write(text.encode(sys.stderr.encoding, "backslashreplace"))

    def flush(self) -> None:
        """Do nothing: each line is written at once."""


def readable() -> bool:
    """Return whether stderr is a terminal."""
    return sys.stderr.isatty()


def write(lines: Iterable[str]) -> None:
    """Write rendered lines in one call, so that no other process's output splits a line."""
    said = "".join(lines).encode()
    start = 0
    while start < len(said):
        end = said.rfind(b"\n", start, start + _ATOMIC) + 1 or said.index(b"\n", start) + 1
        _write(said[start:end])
        start = end


def _write(chunk: bytes) -> None:
    if lost := _output.write(chunk):
        structlog.get_logger().warning("log.lost", lines=lost)


def _renderer() -> Any:
    if readable():
        return structlog.dev.ConsoleRenderer(colors=_coloured())
    return structlog.processors.JSONRenderer()


def _coloured() -> bool:
    """Return whether people want colours (no-color.org), and their terminal has any."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"


def _fault(_logger: object, _method: str, fields: Fields) -> Fields:
    """Replace an exception by its type and where it was raised."""
    given = fields.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given
    error = error[1] if isinstance(error, tuple) else error
    if isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)
        fields["exception"] = type(error).__name__
        fields["at"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-8:]]
    return fields


def _say_uncaught(error: BaseException | None) -> None:
    """Log what ends a process or one of its threads, as every other exception."""
    if not isinstance(error, SystemExit | KeyboardInterrupt):
        structlog.get_logger().critical("process.fault", exc_info=error)


def _discreet(_logger: object, _method: str, fields: Fields) -> Fields:
    """Remove what might be a phone number or a token from a library's sentence."""
    fields["event"] = _PRIVATE.sub("(removed)", str(fields["event"]))
    return fields
