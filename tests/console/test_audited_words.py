"""Nothing that a person typed or pasted stands on the audit trail unless it is a name of ours."""

import hashlib
import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from receiver.contract.redis_keys import CONSOLE_AUDIT
from tests.console.conftest import OURS
from tests.support.console_data import fill
from tests.support.valkey import Valkey

PASTED = ["+12065550142", "rs1_" + "k" * 43, "ab" * 16, "f" * 27, "12065550142-0"]
"""A number, tokens, and what only looks like an id."""
ADDRESSES = (
    "/credentials/{}/revoke",
    *("/n/{}/reveal", "/dead-letters/{}/reveal", "/rejected/{}/reveal"),
    *("/sinks/{}", "/sinks/{}/replay", "/sinks/{}/replay/run", "/tasks/{}/cancel"),
)
FIELDS = ("type", "listener", "outcome", "sink", "reason", "status", "text", "label", "id")
FORMS = (
    *("/export/live", "/export/dead-letters", "/export/rejected", "/export/attempts"),
    *("/export/search", "/search", "/dead-letters/confirm", "/rejected/confirm", "/credentials"),
)


def trail(valkey: Valkey) -> str:
    found: Any = valkey.client().xrange(CONSOLE_AUDIT)
    return repr(found)


@pytest.mark.parametrize("pasted", PASTED)
def test_what_is_pasted_into_an_address_or_a_field_is_not_written_down(
    operator: TestClient, valkey: Valkey, pasted: str
) -> None:
    fill(valkey)
    for address in ADDRESSES:
        path = address.format(pasted.replace("+", "%2B"))
        answer = operator.post(path, headers=OURS, data={"action": "stop", "since": "1h"})
        assert answer.status_code in (303, 400, 404, 409), path
    for path in FORMS:
        form = dict.fromkeys(FIELDS, pasted) | {"action": "replay", "format": "csv"}
        operator.post(path, headers=OURS, data=form)
    assert pasted not in trail(valkey)
    # Of a number anybody would find it among all there are.
    assert hashlib.sha256(pasted.encode()).hexdigest()[:8] not in trail(valkey)


def test_searches_for_the_same_are_told_by_the_same(operator: TestClient, valkey: Valkey) -> None:
    for text in ("+12065550142", "+12065550143", "+12065550142"):
        operator.post("/search", headers=OURS, data={"text": text})
    one, other, again = re.findall(r'"about":"([0-9a-f]{12})"', trail(valkey))
    assert one == again != other


def test_a_revocation_of_none_is_said_and_one_of_a_known_credential_is_written_down(
    operator: TestClient, valkey: Valkey
) -> None:
    page = operator.post("/credentials", headers=OURS, data={"label": "att"}).text
    name = page.split('href="/credentials/')[1].split('"')[0]
    assert f'"about":"{name}"' in trail(valkey)  # by its id, as which it was added
    gone = operator.post("/credentials/000000000000/revoke", headers=OURS)
    assert (gone.status_code, "000000000000" in trail(valkey)) == (404, False)
    assert operator.post(f"/credentials/{name}/revoke", headers=OURS).status_code == 303
    assert "credentials.revoke" in trail(valkey)


def test_an_export_s_known_names_are_written_down_as_they_are(
    operator: TestClient, valkey: Valkey
) -> None:
    form = {"type": "sms.", "outcome": "published", "status": "400", "format": "csv"}
    operator.post("/export/live", headers=OURS, data=form)
    assert "outcome=published&status=400&type=sms." in trail(valkey)
