"""Attempts to deliver as pages show them: how a consumer answered is masked like any body."""

from collections.abc import Iterable

import msgspec

from receiver.console import render
from receiver.console.mask import Masks
from receiver.contract.records import Attempt


class ShownAttempt(msgspec.Struct, frozen=True):
    """One attempt as it is shown."""

    one: Attempt
    answer: str
    """How the response began."""


def shown(found: Iterable[Attempt], masks: Masks | None) -> list[ShownAttempt]:
    """Return the attempts as they are shown; without masks as they are."""
    return [ShownAttempt(one, _answer(one.answer, masks)) for one in found]


def _answer(body: bytes, masks: Masks | None) -> str:
    if not body:
        return ""
    return masks.body(body) if masks else render.clear(body)
