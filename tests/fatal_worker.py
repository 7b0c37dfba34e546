"""A normalise worker that one text kills: `python -m tests.fatal_worker TEXT SLOT`.

It ends by itself once nothing is open.
"""

import os
import signal
import sys
from typing import Any

from receiver import ledger
from receiver.settings import load
from workers import process
from workers.normalise import Normaliser


def arm(text: bytes) -> None:
    """Have this process killed by an entry that holds the text, and ended when all is done."""
    outcome, run = Normaliser._outcome, Normaliser.run

    def fatal(self: Normaliser, entry: Any) -> Any:
        if text in entry[1][b"n"]:
            os.kill(os.getpid(), signal.SIGKILL)
        return outcome(self, entry)

    def run_and_end(self: Normaliser) -> None:
        run(self)
        if not ledger.read(self._client).open:
            os.kill(os.getpid(), signal.SIGTERM)

    Normaliser._outcome = fatal  # type: ignore[method-assign]
    Normaliser.run = run_and_end  # type: ignore[method-assign]


if __name__ == "__main__":
    arm(sys.argv[1].encode())
    settings = load(os.environ)
    sys.exit(process.normalise(settings, settings.redis_url or "", sys.argv[2]))
