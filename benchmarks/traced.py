"""What traces cost: acknowledged per second with 1 % and with all sampled, beside none.

The collector is a process that answers and forgets.
"""

import importlib.util
from collections.abc import Mapping
from dataclasses import replace

from benchmarks.ack import CONNECTIONS, WARM_UP
from benchmarks.calm import Result
from benchmarks.contenders import OURS, Contender, web_process
from benchmarks.forward import hook
from benchmarks.load import closed
from benchmarks.processes import valkey
from benchmarks.rounds import Round, disturbance, interleave, ratios, shown, table, values

OFF = replace(OURS, letter="off", name="no traces")
SOME = replace(OURS, letter="1 %", name="1 % of the traces sampled")
ALL = replace(OURS, letter="100 %", name="all traces sampled")
_SHARES = {SOME.letter: "0.01", ALL.letter: "1"}


def missing() -> str:
    """Return what is not installed; empty where it all is."""
    return "" if importlib.util.find_spec("opentelemetry") else "opentelemetry-sdk"


def collect(rounds: int, seconds: float) -> list[Round]:
    """Measure the three in turn."""
    return interleave([OFF, SOME, ALL], rounds, lambda each: measure(each, seconds))


def measure(contender: Contender, seconds: float) -> Result:
    """Return requests a second that are acknowledged."""
    with hook() as url, valkey() as server:
        more = _variables(contender.letter, url)
        with web_process(contender, server, more) as behind:
            closed(replace(behind.target, first=1), CONNECTIONS, WARM_UP)
            return closed(replace(behind.target, first=5_000_000), CONNECTIONS, seconds)


def report(rounds: list[Round]) -> str:
    """Return the rates, and those with traces over the one without."""
    rows = [
        [
            each.name,
            shown(values(rounds, each.letter, "rate")),
            shown(ratios(rounds, each.letter, OFF.letter), 2),
        ]
        for each in (OFF, SOME, ALL)
    ]
    return table(["traces", "requests/s", "of off"], rows) + "\n\n" + disturbance(rounds)


def _variables(letter: str, url: str) -> Mapping[str, str]:
    if letter not in _SHARES:
        return {"OTEL_TRACES_EXPORTER": "none"}
    return {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": url,
        "OTEL_TRACES_SAMPLER": "traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": _SHARES[letter],
    }
