"""What is aimed at, beside what was measured."""

from collections.abc import Callable
from typing import Any

from benchmarks.rounds import ratios, shown, table, values

Raw = dict[str, Any]


def table_of(raw: Raw) -> str:
    """Every goal beside what was measured."""
    rows = []
    for part, figure, goal, measured in _GOALS:
        rows.append([figure, goal, measured(raw) if part in raw else "not measured"])
    return "## Goals\n\n" + table(["figure", "goal", "measured"], rows)


def _ratio(part: str, over: str, under: str, digits: int = 2) -> Callable[[Raw], str]:
    return lambda raw: shown(ratios(raw[part], over, under), digits) + f" ({over}/{under})"


def _half_p99(raw: Raw) -> str:
    peer = values(raw["half"], "c", "p99")
    rate = raw["half"][0]["e"]["offered"]
    ours = shown(values(raw["half"], "e", "p99"), 1)
    return f"{ours}; (c) {shown(peer, 1)}; at {rate:,.0f}/s"


def _above(raw: Raw) -> str:
    rounds = raw["lone"]["rounds"]
    return shown([each["e"]["p50"] - each["a"]["p50"] for each in rounds], 2)


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
    """The first sample after a tenth of the notifications: imports and pools are behind it."""
    tenth = samples[-1]["outcomes"] / 10
    return next(each for each in samples if each["outcomes"] >= tenth)


def _receipt(raw: Raw) -> str:
    return shown([run["p99"] for run in raw["receipt"]], 0) + " ms"


_GOALS: list[tuple[str, str, str, Callable[[Raw], str]]] = [
    ("ack", "acknowledged, 64 connections", "0.8 of (a)", _ratio("ack", "e", "a")),
    ("ack", "", "14 times (b)", _ratio("ack", "e", "b", 1)),
    ("ack", "", "1.7 times (c)", _ratio("ack", "e", "c")),
    ("half", "p99 at half of that, open loop, ms", "under 10 and under (c)", _half_p99),
    ("lone", "lone notification, p50 above (a)'s, ms", "0.6", _above),
    (
        "drain",
        "normalised per second, one worker",
        "25,000",
        lambda raw: shown(values(raw["drain"], "e", "rate")),
    ),
    ("drain", "", "3 times (c)", _ratio("drain", "e", "c", 1)),
    ("drain", "", "100 times (b)", _ratio("drain", "e", "b", 0)),
    (
        "forward",
        "delivered per second to one web hook, one worker",
        "1,500",
        lambda raw: shown(values(raw["forward"], "e", "rate")),
    ),
    (
        "forward",
        "the same in batches of 100",
        "8,000",
        lambda raw: shown(values(raw["forward"], "e batch", "rate")),
    ),
    ("forward", "", "beside (c) with undici", _ratio("forward", "e", "c", 1)),
    ("sustained", "end to end for 60 s", "8,000/s, none open over 1 s", _sustained),
    ("receipt", "receipt to event at 100/s, p99", "20 ms", _receipt),
    ("overload", "p99 of who is admitted, since it went out", "as at the capacity", _overload),
    ("cost", "cost at 1,000,000 waiting against 1,000", "within 10 %", _growth),
    ("waiting", "Valkey per waiting notification", "1.2 x body + 100 bytes", _waiting),
    ("identities", "Valkey per remembered identity", "60 bytes", _identities),
    ("resident", "resident memory over 1,000,000", "70 MB each, flat", _resident),
    (
        "startup",
        "`receiver web` to its first 204, s",
        "1",
        lambda raw: shown(values(raw["startup"], "e", "seconds"), 2),
    ),
]
