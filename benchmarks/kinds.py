"""Each kind of notification: acknowledged per second, and drained by one worker and by two.

A contender of a kind has the letter of the contender and the kind, such as `e binary`.
"""

from dataclasses import replace

from benchmarks import ack, drain, notifications
from benchmarks.calm import Result
from benchmarks.contenders import BULLMQ, EMPTY, OURS, Contender
from benchmarks.rounds import Round, disturbance, interleave, ratios, shown, table, values

Drained = tuple[Contender, str, int]
"""Whose worker, of which kind, how many of them."""


def acknowledged(rounds: int, seconds: float) -> list[Round]:
    """Measure, kind by kind, those that take single ones; ours takes batches too."""
    here = [each for each in (EMPTY, OURS, BULLMQ) if not each.needs()]
    chosen = {
        _of(each, kind).letter: (each, kind) for kind in notifications.SINGLE for each in here
    }
    chosen[_of(OURS, "batch").letter] = (OURS, "batch")

    def measure(named: Contender) -> Result:
        contender, kind = chosen[named.letter]
        return ack.measure(contender, seconds=seconds, kind=kind)

    return interleave([_of(*each) for each in chosen.values()], rounds, measure)


def drained(rounds: int) -> list[Round]:
    """Measure one and two workers of ours on each kind, and the peer's, which read none."""
    chosen: dict[str, Drained] = {
        _of(OURS, kind, workers).letter: (OURS, kind, workers)
        for kind in notifications.SINGLE
        for workers in (1, 2)
    }
    if not BULLMQ.needs():
        chosen[BULLMQ.letter] = (BULLMQ, "message", 1)

    def measure(named: Contender) -> Result:
        contender, kind, workers = chosen[named.letter]
        return drain.measure(contender, kinds=(kind,), workers=workers)

    named = [replace(each, letter=letter) for letter, (each, _, _) in chosen.items()]
    return interleave(named, rounds, measure)


def report_acknowledged(rounds: list[Round]) -> str:
    """Return the rates of each kind, and ours beside the others'."""
    rows = []
    for kind in notifications.SINGLE:
        ours, empty, peer = (f"{letter} {kind}" for letter in "eac")
        rows.append(
            [
                kind,
                shown(values(rounds, ours, "rate")),
                shown(values(rounds, ours, "p99"), 2),
                shown(ratios(rounds, ours, empty), 2),
                shown(ratios(rounds, ours, peer), 2),
            ]
        )
    head = ["kind", "requests/s", "p99 ms", "of (a)", "of (c)"]
    batch = (
        f"Batches of {notifications.BATCH_EVENTS}: {shown(values(rounds, 'e batch', 'events'))} "
        f"events a second, {shown(batch_gain(rounds), 1)} times as many as one by one."
    )
    return "\n\n".join([table(head, rows), batch, disturbance(rounds)])


def batch_gain(rounds: list[Round]) -> list[float]:
    """Return events a second in batches over those that come one by one, round by round."""
    many, single = (values(rounds, f"e {kind}", "events") for kind in ("batch", "structured"))
    return [one / other for one, other in zip(many, single, strict=True)]


def report_drained(rounds: list[Round]) -> str:
    """Return the rates of each kind, two workers beside one, and one beside the peer's."""
    rows = []
    for kind in notifications.SINGLE:
        one, two = (f"e {kind} {workers}" for workers in (1, 2))
        rows.append(
            [
                kind,
                shown(values(rounds, one, "rate")),
                shown(ratios(rounds, one, "c"), 1),
                shown(values(rounds, two, "rate")),
                shown(ratios(rounds, two, one), 2),
            ]
        )
    head = ["kind", "one worker, per second", "of (c)", "two workers", "of one"]
    return table(head, rows) + "\n\n" + disturbance(rounds)


def _of(contender: Contender, kind: str, workers: int = 0) -> Contender:
    letter = f"{contender.letter} {kind}" + (f" {workers}" if workers else "")
    return replace(contender, letter=letter)
