"""The README's table of measured figures: made of the results, never typed.

`python -m benchmarks.readme` writes it anew; `make bench` does so at its end.
"""

import json
import re
import statistics
from collections.abc import Callable
from typing import Any, Final

from benchmarks import record
from benchmarks.goals import warm
from benchmarks.processes import ROOT
from benchmarks.rounds import ratios, table, values

README: Final = ROOT / "README.md"
_CHAOS: Final = ROOT / "docs" / "chaos"
_BLOCK: Final = re.compile(r"(<!-- measured -->\n).*(?=<!-- /measured -->)", re.DOTALL)


def write() -> None:
    """Put the figures of the last runs in place of what the README says."""
    README.write_text(_BLOCK.sub(lambda found: found[1] + block(), README.read_text("utf-8")))


def block() -> str:
    """Return what stands between the README's two marks. Raises `KeyError` for a part that was
    never measured.
    """
    raw = record.figures()
    rows = [[figure, say(raw)] for figure, say in _ROWS.items()]
    return table(["figure", "measured"], rows) + "\n\n" + _chaos() + "\n"


def _middle(raw: Any, part: str, letter: str, field: str = "rate") -> float:
    rounds = raw[part]["rounds"] if part == "lone" else raw[part]
    return statistics.median(values(rounds, letter, field))


def _times(raw: Any, part: str, under: str) -> float:
    return statistics.median(ratios(raw[part], "e", under))


def _acknowledged(raw: Any) -> str:
    return (
        f"{_middle(raw, 'ack', 'e'):,.0f}; {_times(raw, 'ack', 'a'):.2f} of an empty endpoint on "
        f"the same server, {_times(raw, 'ack', 'b'):.0f} times textbook Starlette and RQ, "
        f"{_times(raw, 'ack', 'c'):.1f} times Fastify and BullMQ"
    )


def _at_that_rate(raw: Any) -> str:
    p50, p99 = (_middle(raw, "ack", "e", each) for each in ("p50", "p99"))
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms"


def _at_half(raw: Any) -> str:
    ours, peer = (_middle(raw, "half", each, "p99") for each in ("e", "c"))
    return f"p99 {ours:.0f} ms; Fastify and BullMQ {peer:.0f} ms"


def _lone(raw: Any) -> str:
    ours, empty = (_middle(raw, "lone", each, "p50") for each in ("e", "a"))
    return (
        f"p50 {ours:.1f} ms; the empty endpoint {empty:.1f} ms, Valkey and its fsync alone "
        f"{raw['lone']['store alone']['p50']:.1f} ms"
    )


def _drained(raw: Any) -> str:
    return (
        f"{_middle(raw, 'drain', 'e'):,.0f}; {_times(raw, 'drain', 'c'):.1f} times BullMQ with a "
        "worker that does nothing"
    )


def _delivered(raw: Any) -> str:
    return (
        f"{_middle(raw, 'forward', 'e'):,.0f}, each signed; {_times(raw, 'forward', 'c'):.1f} "
        f"times BullMQ with undici; in batches of 100, {_middle(raw, 'forward', 'e batch'):,.0f}"
    )


def _together(raw: Any) -> str:
    run = raw["sustained"][0]
    return f"p99 {run['p99']:.0f} ms, no notification open for more than {run['oldest_max']:.2f} s"


def _soon(raw: Any) -> str:
    return f"p99 {statistics.median(run['p99'] for run in raw['receipt']):.0f} ms"


def _resident(raw: Any) -> str:
    first, last = warm(raw["resident"]), raw["resident"][-1]
    return "; ".join(
        f"{last[who]:.0f} MB ({last[who] - first[who]:+.1f} since the first tenth)"
        for who in ("web", "worker")
    )


def _stored(raw: Any) -> str:
    waiting, identities = raw["waiting"][0], [run["bytes"] for run in raw["identities"]["rates"]]
    return (
        f"{waiting['bytes']:.0f} bytes for a waiting notification of {waiting['body']}; "
        f"{min(identities):.0f} to {max(identities):.0f} for a remembered identity"
    )


_ROWS: Final[dict[str, Callable[[Any], str]]] = {
    "acknowledged per second, 64 connections, one web process": _acknowledged,
    "acknowledgement at that rate": _at_that_rate,
    "acknowledgement at half load, open loop": _at_half,
    "a lone notification, 20 a second": _lone,
    "normalised and published per second, one worker": _drained,
    "delivered to one web hook per second, one worker": _delivered,
    "web process and worker together, 8,000 a second for 60 s": _together,
    "receipt to event, at 100 a second": _soon,
    "resident memory of web process and worker, over 1,000,000 notifications": _resident,
    "memory in Valkey": _stored,
    "`receiver web` to its first 204": lambda raw: (
        f"{_middle(raw, 'startup', 'e', 'seconds'):.2f} s"
    ),
}


def _chaos() -> str:
    runs = [json.loads(file.read_text("utf-8")) for file in sorted(_CHAOS.glob("seed-*.json"))]
    faults, kept, lost, twice = (
        sum(run[name] for run in runs) for name in ("faults", "acknowledged", "lost", "duplicated")
    )
    return (
        f"Under faults, from {len(runs)} runs of [`make chaos`](docs/chaos/README.md): {kept:,}\n"
        "notifications acknowledged while processes and Redis were killed, frozen and cut off\n"
        f"{faults} times; lost {lost}, published twice {twice}."
    )


if __name__ == "__main__":
    write()
