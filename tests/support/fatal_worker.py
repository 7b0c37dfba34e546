"""A normalise worker that one text kills: `python -m tests.support.fatal_worker TEXT SLOT`.

It ends by itself once nothing is open.
"""

import os
import signal
import sys

from receiver.config.settings import Settings, load
from receiver.operations import ledger
from workers.normalise import job
from workers.normalise.decide import Entry, Outcome
from workers.normalise.job import Normaliser
from workers.processes import worker_process


def arm(text: bytes) -> None:
    """Have this process killed by an entry that holds the text, and ended when all is done."""
    names = vars(job)
    decide, run = names["decide"], Normaliser.run

    def fatal(entry: Entry, settings: Settings) -> Outcome:
        if text in entry[1]:
            os.kill(os.getpid(), signal.SIGKILL)
        outcome: Outcome = decide(entry, settings)
        return outcome

    def run_and_end(self: Normaliser) -> None:
        run(self)
        if not ledger.read(self._client).open:
            os.kill(os.getpid(), signal.SIGTERM)

    names["decide"] = fatal
    Normaliser.run = run_and_end  # type: ignore[method-assign]


if __name__ == "__main__":
    arm(sys.argv[1].encode())
    settings = load(os.environ)
    sys.exit(worker_process.normalise(settings, settings.redis_url or "", sys.argv[2]))
