"""Attempts to deliver as pages show them: how a consumer answered is masked like any body."""

from collections.abc import Iterable
from typing import Any

from msgspec.structs import asdict

from receiver.console.mask import Masks
from receiver.contract.records import Attempt


def shown(found: Iterable[Attempt], masks: Masks) -> list[dict[str, Any]]:
    """Return the attempts as they are shown; `answer` is how the response began."""
    answers = ((one, masks.body(one.answer) if one.answer else "") for one in found)
    return [asdict(one) | {"answer": answer} for one, answer in answers]
