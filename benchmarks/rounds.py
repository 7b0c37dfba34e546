"""Interleaved rounds and what they say: median, spread, and ratios taken pair by pair.

A shared machine is faster one minute and slower the next. What ran next to each other is compared
with each other, and the median of those ratios is what is reported.
"""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from benchmarks.calm import Result, calm
from benchmarks.contenders import Contender

Round = dict[str, Result]
"""Contender's letter -> what it did in this round."""


def interleave(
    contenders: Sequence[Contender], count: int, measure: Callable[[Contender], Result]
) -> list[Round]:
    """Measure every contender in turn, `count` times; every other round in the opposite order.

    What was disturbed is measured again.
    """
    rounds = []
    for number in range(count):
        order = contenders if number % 2 == 0 else contenders[::-1]
        rounds.append({each.letter: calm(partial(measure, each)) for each in order})
    return rounds


def disturbance(rounds: Iterable[Round]) -> str:
    """Return how much other work there was during what was kept."""
    shares = [
        result["foreign"] for each in rounds for result in each.values() if "foreign" in result
    ]
    if not shares:
        return "Other work on the machine was not looked at."
    return (
        f"Other work took {statistics.median(shares):.0%} of the processors in the median "
        f"measurement and {max(shares):.0%} in the most disturbed one."
    )


def values(rounds: Iterable[Round], letter: str, field: str) -> list[float]:
    """Return one figure of one contender, round by round."""
    return [each[letter][field] for each in rounds if letter in each]


def ratios(rounds: Iterable[Round], over: str, under: str, field: str = "rate") -> list[float]:
    """Return one contender's figure over another's, round by round."""
    pairs = [(each.get(over), each.get(under)) for each in rounds]
    return [one[field] / other[field] for one, other in pairs if one and other]


def shown(numbers: Sequence[float], digits: int = 0) -> str:
    """Return median and, in brackets, the least and the greatest."""
    if not numbers:
        return "-"
    middle, least, most = statistics.median(numbers), min(numbers), max(numbers)
    return f"{middle:,.{digits}f} ({least:,.{digits}f} to {most:,.{digits}f})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def measured(
    rounds: Sequence[Round], contenders: Iterable[Contender], *figures: tuple[str, int]
) -> list[list[str]]:
    """Return title and figures (name, digits) of the contenders that were measured."""
    return [
        [each.title, *(shown(values(rounds, each.letter, x), digits) for x, digits in figures)]
        for each in contenders
        if any(each.letter in one for one in rounds)
    ]


def against(rounds: Sequence[Round], pairs: Iterable[tuple[str, str]], digits: int = 2) -> str:
    """Return a Markdown table of the ratios of these (over, under), of those that were measured."""
    found = {f"{over} / {under}": ratios(rounds, over, under) for over, under in pairs}
    rows = [[pair, shown(each, digits)] for pair, each in found.items() if each]
    return table(["ratio, pair by pair", "median (least to greatest)"], rows)


def compared(
    rounds: Sequence[Round], first: Contender, second: Contender, figures: Mapping[str, str]
) -> str:
    """Return a Markdown table of two: figures (name -> heading), and the second over the first."""
    rows = [
        [each.name, *(shown(values(rounds, each.letter, name), 2) for name in figures)]
        for each in (first, second)
    ]
    parts = (shown(ratios(rounds, second.letter, first.letter, name), 2) for name in figures)
    return table(["", *figures.values()], [*rows, ["ratio, pair by pair", *parts]])
