"""What is in Redis outlives a version: a repeat is known by what its first time was known by.

For a new case: `python -m tests.carriers.test_identities_kept`. Likewise when a rule of identity
is changed on purpose, with a line in docs/upgrading.md.
"""

import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from receiver.carriers.identity import digest, identity
from receiver.contract.records import Notification
from tests.support.cases import Case, cases

KEPT = Path(__file__).with_name("identities.json")


def identities(case: Case) -> list[str]:
    """Of each event, in hex: its identity, and what it settles; empty where it has none."""
    found = []
    for body in case.callback.read(case.request).accepted:
        one = Notification(case.callback.name, "default", "r", 0, case.content_type, body)
        place = (ZoneInfo(case.zone), "US")
        for event in case.callback.events(one, place):
            settles = digest(*event.closes).hex() if event.closes else ""
            found.append(f"{identity(one, event).hex()} {settles}".strip())
    return found


ACCEPTED = [case for case in cases() if case.status == 204]


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case.name)
def test_a_recorded_request_has_the_identities_that_it_always_had(case: Case) -> None:
    kept = json.loads(KEPT.read_text("utf-8"))
    assert identities(case) == kept.get(case.name), "see above for a case that is new"


if __name__ == "__main__":
    made = {case.name: identities(case) for case in ACCEPTED}
    KEPT.write_text(json.dumps(made, indent=1) + "\n", "utf-8")
