"""`receiver credentials`, run as an operator runs it."""

import json
import subprocess
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from receiver.contract.redis_keys import CREDENTIALS
from tests.support.commands import run
from tests.support.valkey import Valkey

Run: TypeAlias = "subprocess.CompletedProcess[str]"


def test_a_credential_is_shown_once_and_stored_as_a_digest(valkey: Valkey, tmp_path: Path) -> None:
    def credentials(*arguments: str, **environ: str) -> Run:
        return run(tmp_path, "credentials", *arguments, REDIS_URL=valkey.url, **environ)

    added = credentials("add", "--label", "att", "--listener", "promo", "--days", "300")
    token = added.stdout.strip()
    assert added.returncode == 0
    assert len(token) >= 43
    assert token not in added.stderr
    stored: Any = valkey.client().hgetall(CREDENTIALS)
    assert token not in str(stored)
    listed = credentials("list")
    (one,) = map(json.loads, listed.stdout.splitlines())
    assert (one["label"], one["listener"], one["last_used"]) == ("att", "promo", None)
    assert one["id"] in added.stderr
    assert (listed.returncode, listed.stderr) == (0, "")
    assert credentials("revoke", one["id"]).stderr == f"revoked {one['id']}\n"
    assert credentials("revoke", one["id"]).returncode == 1
    assert valkey.client().hgetall(CREDENTIALS) == {}


def test_what_expires_within_a_week_or_cannot_be_read_is_warned_of(
    valkey: Valkey, tmp_path: Path
) -> None:
    def credentials(*arguments: str) -> Run:
        return run(tmp_path, "credentials", *arguments, REDIS_URL=valkey.url)

    credentials("add", "--label", "soon", "--days", "6")
    credentials("add", "--label", "later", "--expires", "2999-01-01")
    valkey.client().hset(CREDENTIALS, "ab" * 32, "{")
    listed = credentials("list", "--json")
    assert listed.returncode == 1
    assert len(listed.stdout.splitlines()) == 3
    assert "soon expires within a week" in listed.stderr
    assert "abababababab cannot be read" in listed.stderr
    assert "later" not in listed.stderr
    rotated = credentials("rotate", "abababababab")
    assert (rotated.returncode, rotated.stdout) == (2, "")
    assert "the record of abababababab cannot be read" in rotated.stderr
    assert valkey.client().hlen(CREDENTIALS) == 3  # no new one, for all listeners
    assert credentials("revoke", "abababababab").returncode == 0


def test_a_token_is_changed_without_a_gap(valkey: Valkey, tmp_path: Path) -> None:
    def credentials(*arguments: str) -> Run:
        return run(tmp_path, "credentials", *arguments, REDIS_URL=valkey.url)

    for _ in range(2):
        credentials("add", "--label", "nokia")
    refused = credentials("revoke", "nokia")
    assert refused.returncode == 2
    assert "several have this label" in refused.stderr
    old, new = (json.loads(line) for line in credentials("list").stdout.splitlines())
    assert credentials("revoke", old["id"], "--in-days", "10").returncode == 0
    ending, other = (json.loads(line) for line in credentials("list").stdout.splitlines())
    assert ending["expires"] is not None
    assert other == new
    assert credentials("revoke", "nokia", "--all").returncode == 0
    assert credentials("list").stdout == ""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--days", "1", "--expires", "2999-01-01"], "not both"),
        (["--expires", "2001-01-01"], "a time to come is wanted"),
        (["--expires", "soon"], "does not match the format"),
        (["--listener", "No!"], "1 to 64 of a-z"),
        (["--token-stdin"], "printable ASCII characters are wanted"),
    ],
)
def test_a_wrong_option_adds_nothing(
    valkey: Valkey, tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    answer = run(tmp_path, "credentials", "add", *arguments, REDIS_URL=valkey.url)
    assert answer.returncode == 2
    assert sentence in answer.stderr
    assert valkey.client().exists(CREDENTIALS) == 0


def test_a_token_of_ones_own_is_read_from_stdin_and_taken_once(
    valkey: Valkey, tmp_path: Path
) -> None:
    arguments = ["credentials", "add", "--token-stdin"]
    first = run(tmp_path, *arguments, stdin="a-token-of-our-own\n", REDIS_URL=valkey.url)
    assert (first.returncode, first.stdout) == (0, "")
    again = run(tmp_path, *arguments, stdin="a-token-of-our-own\n", REDIS_URL=valkey.url)
    assert again.returncode == 2
    assert "stored already" in again.stderr
    assert "a-token" not in first.stderr + again.stderr
