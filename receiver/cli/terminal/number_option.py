"""Options that take a number with a fraction, within bounds."""

from typing import Any

import click


class NumberOption(click.FloatRange):
    """The type of options that take a number in a range. To click `nan` is in every range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert the number."""
        found = super().convert(value, param, ctx)
        return found if found == found else self.fail("a number is wanted", param, ctx)
