"""Attempts to deliver as pages show them: how a consumer answered is masked like any body."""

from collections.abc import Iterable

import msgspec

from receiver.console.mask import Masks
from receiver.contract.records import Attempt


class ShownAttempt(msgspec.Struct, frozen=True):
    """One attempt as it is shown."""

    one: Attempt
    answer: str
    """How the response began."""


def shown(found: Iterable[Attempt], masks: Masks) -> list[ShownAttempt]:
    """Return the attempts as they are shown."""
    return [ShownAttempt(one, masks.body(one.answer) if one.answer else "") for one in found]
