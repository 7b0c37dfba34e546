"""How long from starting a web process to its first 2xx."""

import time

from benchmarks import contenders
from benchmarks.calm import Result
from benchmarks.contenders import Contender, web_process
from benchmarks.processes import valkey
from benchmarks.rounds import Round, measured, table


def measure(contender: Contender) -> Result:
    """Measure the seconds to the first answer, with a Valkey that is already there."""
    with valkey(contender.fsync) as server:
        begin = time.perf_counter()
        with web_process(contender, server):
            return {"seconds": time.perf_counter() - begin}


def report(rounds: list[Round]) -> str:
    """Return the seconds of each contender."""
    rows = measured(rounds, contenders.ALL, ("seconds", 2))
    return table(["from start to the first 2xx", "seconds"], rows)
