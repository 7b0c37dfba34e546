"""The verdict on a client: what it was handed and did not publish, and what came out twice.

Messages have no id, so they are compared by text, as often as each occurs: equal texts count.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec import Struct

from receiver.contract.stored_values import UNREADABLE
from receiver.simulate.att_gateway.handover import Handover

_DEEPEST: Final = 20
_EXAMPLES: Final = 5


class Verdict(Struct, frozen=True, kw_only=True):
    """What became of the messages; counted in messages."""

    handed: int
    """Surely handed over: wholly, or inside a body that was cut in order."""
    published: int
    lost: int
    """Handed over, and not published."""
    duplicated: int
    """Published more often than they were given away."""
    window: int
    """Given away, and nobody can know whether they arrived: beyond a cut, reset, never answered,
    under way when the client was killed.
    """
    window_published: int
    expired: int
    waiting: int
    examples: dict[str, list[str]]

    @property
    def faults(self) -> list[str]:
        """Return why the client did not pass, in words; empty when it did."""
        found = {
            f"{self.lost:,} handed over and lost": self.lost,
            f"{self.duplicated:,} published more often than handed over": self.duplicated,
            f"{self.expired:,} expired unread": self.expired,
        }
        return [words for words, count in found.items() if count]


def verdict(
    handovers: Iterable[Handover],
    published: Counter[str],
    *,
    expired: int = 0,
    waiting: int = 0,
) -> Verdict:
    """Compare what was given away with what was published, by text."""
    sure, maybe = _given(handovers)
    known = {text: published[text] for text in sure | maybe}
    lost = +Counter({text: sure[text] - count for text, count in known.items()})
    twice = +Counter({text: count - sure[text] - maybe[text] for text, count in known.items()})
    out = {text: min(maybe[text], max(0, count - sure[text])) for text, count in known.items()}
    return Verdict(
        handed=sure.total(),
        published=sum(known.values()),
        lost=lost.total(),
        duplicated=twice.total(),
        window=maybe.total(),
        window_published=sum(out.values()),
        expired=expired,
        waiting=waiting,
        examples={"lost": [*lost][:_EXAMPLES], "duplicated": [*twice][:_EXAMPLES]},
    )


def texts(values: Iterable[bytes], known: frozenset[str] | set[str]) -> list[str]:
    """Return the texts of messages in one entry of a stream, in whatever shape it is: each string
    of each JSON document is looked at, and a text counts once for an entry.
    """
    found: set[str] = set()
    for value in values:
        try:
            document = msgspec.json.decode(value)
        except UNREADABLE:
            document = value.decode("utf-8", "replace")
        found.update(_strings(document, known))
    return [*found]


def _given(handovers: Iterable[Handover]) -> tuple[Counter[str], Counter[str]]:
    """Return the texts that were surely handed over, and those that nobody can know of."""
    sure: Counter[str] = Counter()
    maybe: Counter[str] = Counter()
    for each in handovers:
        if each.route != "inbox":
            continue
        for text, fate in zip(each.texts, each.fates(), strict=True):
            here = each.certain and fate in ("whole", "inside")
            (sure if here else maybe)[text] += 1
    return sure, maybe


def _strings(document: Any, known: frozenset[str] | set[str], depth: int = 0) -> Iterable[str]:
    if isinstance(document, str) and document in known:
        yield document
    elif depth < _DEEPEST and isinstance(document, dict | list):
        inner = document.values() if isinstance(document, dict) else document
        for each in inner:
            yield from _strings(each, known, depth + 1)
