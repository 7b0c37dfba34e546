"""The log that `receiver simulate --log` writes."""

from pathlib import Path

import msgspec

from receiver.cli.terminal.setup import Refused
from receiver.simulate.gateway import Attempt
from receiver.simulate.rules import Answer


class AttemptLog:
    """A log of every attempt, a line of JSON each; without a path nothing is written.

    A full disk does not end the run, which may have taken hours: `close` raises it.
    """

    def __init__(self, path: Path | None) -> None:
        self._fault: OSError | None = None
        try:
            self._file = path and path.open("wb")
        except OSError as error:
            raise _refused(error) from None

    def write(self, attempt: Attempt, answer: Answer, now: float) -> None:
        """Write a line for an attempt that ended at `now` (seconds of the run). Never raises."""
        if not self._file or self._fault:
            return
        try:
            self._file.write(msgspec.json.encode(_line(attempt, answer, now)) + b"\n")
        except OSError as error:
            self._fault = error

    def close(self) -> None:
        """Close the file. Raises `Refused` when lines are missing."""
        try:
            if self._file:
                self._file.close()
        except OSError as error:
            self._fault = error
        if self._fault:
            raise _refused(self._fault)


def _line(attempt: Attempt, answer: Answer, now: float) -> dict[str, object]:
    planned = attempt.planned
    return {
        "number": planned.number,
        "kind": planned.kind,
        "hostile": planned.hostile,
        "conduct": planned.conduct if attempt.nth == 1 and not attempt.extra else "plain",
        "attempt": attempt.nth,
        "due": round(attempt.due, 4),
        "answered": round(now, 4),
        "said": answer.outcome,
    }


def _refused(error: OSError) -> Refused:
    return Refused(f"--log cannot be written: {error.strerror}")
