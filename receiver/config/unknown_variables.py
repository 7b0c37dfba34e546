"""Environment variables that look like settings of ours and are none."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from receiver.config import signing_secrets
from receiver.config.environment import VARIABLES
from receiver.config.fault import nearest

PREFIX: Final = "RECEIVER_"
BESIDE: Final = (
    "RECEIVER_CONFIG",
    "RECEIVER_CONFIG_FD",
    "RECEIVER_LISTEN_SECRET",
    "RECEIVER_TOKEN",
)
"""Variables that are read elsewhere: the file, the file as a supervisor has taken it, the secret of
`receiver listen`, and the token of the commands that send."""
KNOWN: Final = frozenset({one.name for one in VARIABLES} | set(BESIDE))
_SERVICE: Final = re.compile(
    r"RECEIVER(_\w+)?_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)"
).fullmatch
"""Kubernetes, "Discovering services": what every container of a namespace gets where a service's
name begins with `receiver`. Docker's links have the same form."""


def unknown(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Return each variable that nothing reads, with what to do about it; no value."""
    for name in sorted(environ):
        ours = name.startswith(PREFIX) and name not in KNOWN
        if ours and not name.startswith(signing_secrets.PREFIX) and not _SERVICE(name):
            bare = name.removeprefix(PREFIX)
            close = bare if bare in KNOWN else nearest(name, KNOWN - {"RECEIVER_CONFIG_FD"})
            yield name, f"nothing reads it; did you mean {close}?" if close else "nothing reads it"
