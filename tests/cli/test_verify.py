"""`receiver verify`: why a consumer refuses a web hook."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.support.command_line import Done, here

SECRET, NEXT = "whsec_" + "c2VjcmV0" * 4, "whsec_" + "bmV4dC1v" * 4
BODY = b'{"id": "3755e6e1"}'


def checked(
    cwd: Path, *more: str, age: int = 0, body: bytes = BODY, secret: str = SECRET, **options: Any
) -> Done:
    """A request that was signed `age` seconds ago with `SECRET`, as it came to somebody."""
    sent = int(time.time()) - age
    signature = Webhook(SECRET).sign("3755e6e1", datetime.fromtimestamp(sent, UTC), BODY.decode())
    (cwd / "body").write_bytes(body)
    headers = ("Webhook-Id: 3755e6e1", f"webhook-timestamp: {sent}")
    words = [word for one in headers for word in ("-H", one)]
    words += ["-H", f"webhook-signature: {signature}", *(("--secret", secret) if secret else ())]
    return here(cwd, "verify", "body", *words, *more, **options)


def test_a_request_that_is_well_is_verified_also_with_one_secret_of_several(tmp_path: Path) -> None:
    verified = {"verified": True, "id": "3755e6e1"}
    for secret in (SECRET, f"{NEXT} {SECRET}"):
        done = checked(tmp_path, secret=secret)
        assert (done.code, json.loads(done.out)) == (0, verified)
    assert checked(tmp_path, secret="", WEBHOOK_SECRETS=SECRET).code == 0
    assert checked(tmp_path, secret="", RECEIVER_LISTEN_SECRET=SECRET).code == 0
    assert checked(tmp_path, terminal=True).out == "verified: 3755e6e1\n"


@pytest.mark.parametrize(
    ("body", "secret", "age", "why"),
    [
        (BODY, NEXT, 0, "webhook-signature is of no known secret"),
        (BODY.replace(b" ", b""), SECRET, 0, "of no known secret"),
        (BODY + b"\n", SECRET, 0, "BODY has a line break at its end that did not come"),
        (BODY, SECRET, 7200, "it is 7,20"),
        (BODY, SECRET, -7200, "s ahead of this clock, and signed well: --tolerance 7"),
        (BODY, NEXT, 7200, "too old or too new"),
    ],
)
def test_what_is_wrong_is_said_and_what_would_be_well(
    tmp_path: Path, body: bytes, secret: str, age: int, why: str
) -> None:
    done = checked(tmp_path, body=body, secret=secret, age=age)
    assert done.code == 1
    assert json.loads(done.out)["verified"] is False
    for said in (done.err, json.loads(done.out)["reason"]):
        assert why in said
        assert secret not in said
    assert ("signed well" in done.err) == (age != 0 and secret == SECRET)


def test_an_old_request_is_verified_where_its_age_is_allowed(tmp_path: Path) -> None:
    assert checked(tmp_path, "--tolerance", "7300", age=7200).code == 0


def test_a_tolerance_that_is_no_number_does_not_verify_the_oldest_request(tmp_path: Path) -> None:
    done = checked(tmp_path, "--tolerance", "nan", age=10**8)
    assert (done.code, done.out) == (2, "")
    assert "'--tolerance': a number is wanted" in done.err


def test_what_is_no_request_or_no_secret_is_said_without_it(tmp_path: Path) -> None:
    done = checked(tmp_path, secret="hunter2")
    assert (done.code, done.out, "hunter2" in done.err) == (2, "", False)
    done = checked(tmp_path, secret="")
    assert done.code == 2
    assert "WEBHOOK_SECRETS" in done.err
    (tmp_path / "body").write_bytes(BODY)
    for stamp in ("9" * 5000, "9" * 12, "soon"):
        headers = ("-H", "webhook-id: a", "-H", f"webhook-timestamp: {stamp}")
        done = here(tmp_path, "verify", "body", "--secret", SECRET, *headers)
        assert (done.code, "Traceback" in done.err) == (1, False)
    unsigned = ("-H", "webhook-id: a", "-H", f"webhook-timestamp: {int(time.time())}")
    done = here(tmp_path, "verify", "body", "--secret", SECRET, *unsigned)
    assert (done.code, json.loads(done.out)["reason"]) == (1, "webhook-signature is missing")
    done = here(tmp_path, "verify", "body", "--secret", SECRET)
    assert done.code == 1
    assert "webhook-id or webhook-timestamp is missing" in done.err
