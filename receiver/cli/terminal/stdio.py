"""Makes stdout and stderr of the commands safe where they cannot be written."""

import os
import sys
from io import BufferedWriter, FileIO, TextIOWrapper
from typing import Any


def prepare() -> None:
    """Replace stdout and stderr; call it once, before anything is printed or opened.

    Characters the terminal cannot encode become escapes. A closed stream discards its output, and
    a closed stdin is at its end.
    """
    _open_closed()
    sys.stdin = _not_none(sys.stdin)
    sys.stdout = _wrap(_Stdout, sys.stdout)
    sys.stderr = _wrap(_Stderr, sys.stderr)


def _open_closed() -> None:
    """Open the null device as whichever of stdin, stdout, stderr is closed, for this process and
    those that it starts: else the next file or connection has that number, and gets the log.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def _not_none(given: Any) -> Any:
    return open(0, closefd=False) if given is None else given


class _Stdout(BufferedWriter):
    """Raise `Refused` once where stdout cannot be written, and discard everything after.

    A reader that has gone stays a `BrokenPipeError`, which click ends a command with quietly.
    """

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            raise self._fault(error) from None

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise self._fault(error) from None

    def _fault(self, error: OSError) -> Exception:
        if isinstance(error, BrokenPipeError):
            return error
        from receiver.cli.terminal.setup import Refused  # late: it brings the Redis client

        os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
        return Refused(f"stdout cannot be written: {error.strerror}")


class _Stderr(BufferedWriter):
    """Discard what cannot be written: a full disk under the log is no reason to stop working."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            _raise_if_gone(error)
            return len(data)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            _raise_if_gone(error)


def _raise_if_gone(error: OSError) -> None:
    if isinstance(error, BrokenPipeError):
        raise error


def _wrap(buffer: type[BufferedWriter], given: Any) -> Any:
    if given is None:
        return open(os.devnull, "w")
    if not isinstance(given, TextIOWrapper):
        return given
    # Here and not below the buffer: an interrupt there would leave in it what is written already.
    return TextIOWrapper(
        buffer(FileIO(given.fileno(), "wb", closefd=False)),
        encoding=given.encoding,
        errors="backslashreplace",
        line_buffering=given.line_buffering,
        write_through=given.write_through,
    )
