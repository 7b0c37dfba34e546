"""The values that CAMARA's events say, as the types our events have; the network's own stay in
`raw`.
"""

from typing import Any

from receiver.carriers.camara.envelope import text_of


def country_code(value: Any) -> int | None:
    """Return a mobile country code, which some write as a text; None for anything else."""
    if type(value) is str and value.isascii() and value.isdigit() and len(value) <= 3:
        return int(value)
    whole = type(value) is int or (type(value) is float and value.is_integer())
    return int(value) if whole and abs(value) < 10**6 else None


def country_names(value: Any) -> list[str] | None:
    """Return country names: a list in the schema, though many of CAMARA's own examples have a plain
    text (one code may stand for several countries). None for anything else.
    """
    several = [value] if type(value) is str else value
    if type(several) is not list:
        return None
    return [name for name in several if type(name) is str]


def connectivity(value: Any) -> list[str] | None:
    """Return by what a device can be reached; None where that is not said."""
    return [way for way in value if type(way) is str] if type(value) is list else None


def flag(value: Any) -> bool | None:
    """Return a truth value; None for anything else."""
    return value if type(value) is bool else None


def first_text(data: dict[str, Any], names: tuple[str, ...]) -> str | None:
    """Return the first of these members that says something; None where none does."""
    return next((said for name in names if (said := text_of(data.get(name))) is not None), None)
