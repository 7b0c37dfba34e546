"""A finding: one thing that is wrong, and how to mend it."""

from collections.abc import Iterable
from typing import Final, Literal, get_args

import msgspec

Severity = Literal["serious", "warning", "note"]
_ORDER: Final = get_args(Severity)


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """A fault: `serious` loses data or admits strangers, `warning` will or may, `note` reminds."""

    severity: Severity
    what: str
    why: str
    fix: str
    """A command where there is one."""
    page: str = ""
    """The console's page where it is put right, without its host; empty where there is none."""


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings in the order of their severity."""
    return sorted(findings, key=lambda one: _ORDER.index(one.severity))
