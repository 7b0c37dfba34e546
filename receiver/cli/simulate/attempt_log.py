"""The log that `receiver simulate --log` writes."""

from pathlib import Path

import msgspec

from receiver.cli.terminal.setup import Refused
from receiver.simulate.gateway import Attempt
from receiver.simulate.rules import Answer


class Log:
    """Every attempt as a line of JSON; without a path, nothing.

    A disk that is full does not end the run, which may have taken hours: `close` says so.
    """

    def __init__(self, path: Path | None) -> None:
        self._fault: OSError | None = None
        try:
            self._file = path and path.open("wb")
        except OSError as error:
            raise _refused(error) from None

    def write(self, attempt: Attempt, answer: Answer, now: float) -> None:
        """The run's witness, which may not raise."""
        if not self._file or self._fault:
            return
        try:
            self._file.write(msgspec.json.encode(_line(attempt, answer, now)) + b"\n")
        except OSError as error:
            self._fault = error

    def close(self) -> None:
        """Raises `Refused` when lines are missing."""
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
        "said": answer.said,
    }


def _refused(error: OSError) -> Refused:
    return Refused(f"--log cannot be written: {error.strerror}")
