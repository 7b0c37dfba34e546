"""Draws for many histories: evenly, and without a memory of what was drawn before.

Hypothesis' own way keeps a tree of all draws and repeats parts of them, which is good for a hundred
examples and a third of the time of ten thousand. A history that fails is repeated and made smaller
by Hypothesis itself.
"""

from typing import Any, Final

from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, PrimitiveProvider

NAME: Final = "evenly"


class Evenly(PrimitiveProvider):
    """Draws what the histories draw: booleans and integers of a range."""

    lifetime = "test_case"

    def __init__(self, conjecturedata: Any, /) -> None:
        super().__init__(conjecturedata)
        self._random = conjecturedata._random

    def draw_boolean(self, p: float = 0.5) -> bool:
        """Return a boolean that is true with this probability."""
        return bool(self._random.random() < p)

    def draw_integer(
        self, min_value: int | None = None, max_value: int | None = None, **_: Any
    ) -> int:
        """Return one of a range."""
        assert min_value is not None
        assert max_value is not None
        return min_value + int(self._random.random() * (max_value - min_value + 1))

    def draw_float(self, **_: Any) -> float:
        """Raise: no history draws one."""
        raise NotImplementedError

    def draw_string(self, *_: Any, **__: Any) -> str:
        """Raise: no history draws one."""
        raise NotImplementedError

    def draw_bytes(self, *_: Any, **__: Any) -> bytes:
        """Raise: no history draws one."""
        raise NotImplementedError


AVAILABLE_PROVIDERS[NAME] = f"{__name__}.{Evenly.__name__}"
