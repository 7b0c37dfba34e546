"""Revocations and expiries that this process has seen, and keeps applying if Redis forgets them.

A Redis that comes back as it was before (an older copy, a replica that was promoted and had not
heard yet) has the credential again, and no word of its revocation. Whoever adds a token anew makes
another record, with another `created`: so a record that stands there unchanged is the old one.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from receiver.auth.bearer import Credential

Records = Mapping[bytes, tuple[bytes, "Credential | None"]]
"""Digest -> a record as it is stored, and what it says; None where it cannot be read."""


class Revocations:
    """The stored records that are no longer valid, and what is valid in their place."""

    def __init__(self) -> None:
        self.revoked: set[bytes] = set()
        """Digests that were revoked by name and not added anew since."""
        self._void: dict[bytes, tuple[bytes, Credential | None]] = {}
        self._last: Records = {}

    def look(
        self, stored: Records, revoked: set[bytes], *, behind: bool
    ) -> dict[bytes, "Credential | None"]:
        """Compare the store with what was seen before and return digest -> the credential in place
        of its record, None where it was revoked.

        `behind`: the store knows of fewer changes than it did.
        """
        for digest in revoked - self.revoked:
            if last := self._last.get(digest):
                self._void[digest] = last[0], None
        self.revoked |= revoked
        if behind:
            self._compare(stored)
        for digest in self.revoked & stored.keys():
            if digest in revoked:  # and who adds it anew takes it out of those
                self._void[digest] = stored[digest][0], None
            elif digest not in self._void or self._void[digest][0] != stored[digest][0]:
                self.revoked.discard(digest)  # added anew
        self._last = stored
        return {
            digest: instead
            for digest, (record, instead) in self._void.items()
            if digest in stored and stored[digest][0] == record
        }

    def _compare(self, stored: Records) -> None:
        for digest, (record, there) in stored.items():
            known = self._last[digest][1] if digest in self._last else None
            if digest in self.revoked:
                self._void.setdefault(digest, (record, None))
            elif known and there and _end(known) < _end(there):
                self._void[digest] = record, known


def _end(credential: "Credential") -> float:
    return float("inf") if credential.expires is None else credential.expires
