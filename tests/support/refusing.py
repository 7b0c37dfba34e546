"""What stands in the place of a server that was killed: it counts who comes, and hangs up."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Refusing:
    """Hang up on every connection to a unix socket."""

    def __init__(self, path: Path) -> None:
        self.count = 0
        """Connections so far."""
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen(64)
        threading.Thread(target=self._refuse, daemon=True).start()

    def close(self) -> None:
        """End it."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _refuse(self) -> None:
        with suppress(OSError):
            while True:
                self._listening.accept()[0].close()
                self.count += 1


@contextmanager
def refusing(path: Path) -> Iterator[Refusing]:
    """Refuse at a path, in place of whatever is there, until the end of the block."""
    path.unlink(missing_ok=True)
    one = Refusing(path)
    try:
        yield one
    finally:
        one.close()
        path.unlink()
