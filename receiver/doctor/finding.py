"""A finding: one thing that is wrong, and how to mend it."""

from typing import Literal

import msgspec

Severity = Literal["serious", "warning", "note"]


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One finding: `serious` loses data or admits strangers; `warning` will, or may; `note` is a
    reminder.
    """

    severity: Severity
    what: str
    why: str
    fix: str
    """A command where there is one."""
    page: str = ""
    """The console's page where it is put right, without its host; empty where there is none."""
