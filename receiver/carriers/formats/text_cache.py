"""Remembering what follows from a text that senders repeat, such as a content type."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Final, TypeVar

LONGEST: Final = 512
"""Characters: no content type and no event type in use has as many."""

T = TypeVar("T")


def text_cache(size: int) -> Callable[[Callable[[str], T]], Callable[[str], T]]:
    """Return a decorator for a function of one text, whose last `size` answers are kept; not those
    for texts longer than `LONGEST`, since a sender may write a new one as long as a body each time.
    """

    def decorate(answer: Callable[[str], T]) -> Callable[[str], T]:
        kept = lru_cache(maxsize=size)(answer)

        @wraps(answer)
        def cached(text: str) -> T:
            return kept(text) if len(text) <= LONGEST else answer(text)

        return cached

    return decorate
