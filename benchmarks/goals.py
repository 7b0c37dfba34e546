"""What is aimed at, beside what was measured."""

from collections.abc import Callable
from typing import Any

from benchmarks import kinds, traced
from benchmarks.latency import above, above_store
from benchmarks.notifications import SINGLE
from benchmarks.rounds import ratios, shown, table, values

Raw = dict[str, Any]


def table_of(raw: Raw) -> str:
    """Return every goal beside what was measured."""
    rows = []
    for part, figure, goal, measured in _GOALS:
        rows.append([figure, goal, measured(raw) if part in raw else "not measured"])
    return "## Goals\n\n" + table(["figure", "goal", "measured"], rows)


def _ratio(part: str, over: str, under: str, digits: int = 2) -> Callable[[Raw], str]:
    return lambda raw: shown(ratios(raw[part], over, under), digits) + f" ({over}/{under})"


def _figure(part: str, letter: str, field: str = "rate", digits: int = 0) -> Callable[[Raw], str]:
    return lambda raw: shown(values(raw[part], letter, field), digits)


def _half_p99(raw: Raw) -> str:
    peer = values(raw["half"], "c", "p99")
    rate = raw["half"][0]["e"]["offered"]
    ours = shown(values(raw["half"], "e", "p99"), 1)
    return f"{ours}; (c) {shown(peer, 1)}; at {rate:,.0f}/s"


def _above(raw: Raw) -> str:
    return shown(above(raw["lone"]["rounds"]), 2)


def _above_store(raw: Raw) -> str:
    return shown(above_store(raw["lone"]["rounds"]), 2)


def _of_kind(under: str) -> Callable[[Raw], str]:
    return lambda raw: "; ".join(
        f"{kind} {shown(ratios(raw['kinds'], f'e {kind}', f'{under} {kind}'), 2)}"
        for kind in SINGLE
    )


def _batches(raw: Raw) -> str:
    return shown(kinds.batch_gain(raw["kinds"]), 1)


def _drained(over: str, under: str) -> Callable[[Raw], str]:
    def said(raw: Raw) -> str:
        rounds = raw["drained"]
        pairs = ((over.format(kind), under.format(kind)) for kind in SINGLE)
        found = (shown(ratios(rounds, *pair), 1) for pair in pairs)
        return "; ".join(f"{kind} {one}" for kind, one in zip(SINGLE, found, strict=True))

    return said


def _delivered(raw: Raw) -> str:
    return shown([each["p99"] for each in raw["delivery"]], 0)


def _hour(raw: Raw) -> str:
    part = raw["hour"]
    p99 = shown([row["p99"] for row in part["rows"]], 1)
    oldest = max(row["oldest_open"] for row in part["rows"])
    lost = part["end"]["lost"]
    return f"{p99} at {part['rate']:,.0f}/s; oldest {oldest:.2f} s; lost {lost}"


def _traced(raw: Raw) -> str:
    shares = (traced.SOME.letter, traced.ALL.letter)
    found = ((each, ratios(raw["traces"], each, traced.OFF.letter)) for each in shares)
    return "; ".join(f"{each}: {shown(some, 2)}" for each, some in found)


def _sustained(raw: Raw) -> str:
    return "; ".join(
        f"{run['offered']:,.0f} offered: {run['rate']:,.0f}/s, oldest {run['oldest_max']:.2f} s"
        for run in raw["sustained"]
    )


def _growth(raw: Raw) -> str:
    parts = []
    for who, (few, many) in raw["cost"].items():
        parts.append(
            f"{who} {few['us']:.1f} to {many['us']:.1f} us ({many['us'] / few['us'] - 1:+.0%})"
        )
    return "; ".join(parts)


def _waiting(raw: Raw) -> str:
    run = raw["waiting"][0]
    return f"{run['bytes']:.0f} bytes for a body of {run['body']} (goal {run['goal']:.0f})"


def _identities(raw: Raw) -> str:
    found = raw["identities"]["rates"]
    settled, first = [run["bytes"] for run in found], [run["first_bytes"] for run in found]
    return f"{max(settled):.0f} bytes at most; on the first day {max(first):.0f}"


def _overload(raw: Raw) -> str:
    return "; ".join(
        f"{run['slowed']} slowed, {run['times']:g} x: {run['served_p99']:.0f} ms"
        for run in raw["overload"]
    )


def _resident(raw: Raw) -> str:
    first, last = warm(raw["resident"]), raw["resident"][-1]
    return "; ".join(f"{who} {first[who]:.0f} to {last[who]:.0f} MB" for who in ("web", "worker"))


def warm(samples: list[dict[str, float]]) -> dict[str, float]:
    """Return the first sample after a tenth of the notifications, when imports are done."""
    tenth = samples[-1]["outcomes"] / 10
    return next(each for each in samples if each["outcomes"] >= tenth)


def _receipt(raw: Raw) -> str:
    return shown([run["p99"] for run in raw["receipt"]], 0) + " ms"


_GOALS: list[tuple[str, str, str, Callable[[Raw], str]]] = [
    ("ack", "acknowledged, 64 connections", "0.8 of (a)", _ratio("ack", "e", "a")),
    ("ack", "", "14 times (b)", _ratio("ack", "e", "b", 1)),
    ("ack", "", "1.7 times (c)", _ratio("ack", "e", "c")),
    ("kinds", "acknowledged, each kind", "0.95 of (a), 0.85 in every round", _of_kind("a")),
    ("kinds", "", "2.0 times (c), 1.7 in every round", _of_kind("c")),
    ("kinds", "events a second in batches of 50, of one by one", "3 times", _batches),
    ("half", "p99 at half load, open loop, ms", "under 10 and under (c)", _half_p99),
    ("lone", "lone notification, p50 above (a)'s, ms", "0.6", _above),
    ("lone", "and above the store's own write", "0.1", _above_store),
    ("drain", "normalised per second, one worker", "25,000", _figure("drain", "e")),
    ("drain", "", "3 times (c)", _ratio("drain", "e", "c", 1)),
    ("drain", "", "100 times (b)", _ratio("drain", "e", "b", 0)),
    (
        "forward",
        "delivered per second to one web hook, one worker",
        "1,500",
        _figure("forward", "e"),
    ),
    ("forward", "the same in batches of 100", "8,000", _figure("forward", "e batch")),
    ("forward", "", "beside (c) with undici", _ratio("forward", "e", "c", 1)),
    ("drained", "each kind, one worker", "3 times (c)", _drained("e {} 1", "c")),
    ("drained", "two workers", "1.5 times one", _drained("e {} 2", "e {} 1")),
    ("delivery", "receipt to web hook at 1,000/s, p99, ms", "50", _delivered),
    ("hour", "an hour, three sinks, p99, ms", "20 at 5,000/s, none open over 1 s", _hour),
    ("traces", "with traces on, of off", "0.95 of 1 %, 0.8 of 100 %", _traced),
    ("proxied", "behind nginx with TLS", "0.95 of (a)", _ratio("proxied", "e", "a")),
    ("sustained", "end to end for 60 s", "8,000/s, none open over 1 s", _sustained),
    ("receipt", "receipt to event at 100/s, p99", "20 ms", _receipt),
    ("overload", "p99 of who is admitted, since it went out", "as at the capacity", _overload),
    ("cost", "cost at 1,000,000 waiting against 1,000", "within 10 %", _growth),
    ("waiting", "Valkey per waiting notification", "1.2 x body + 100 bytes", _waiting),
    ("identities", "Valkey per remembered identity", "60 bytes", _identities),
    ("resident", "resident memory over 1,000,000", "70 MB each, flat", _resident),
    ("startup", "`receiver web` to its first 204, s", "1", _figure("startup", "e", "seconds", 2)),
]
