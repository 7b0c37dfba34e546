"""A subscriber's consent: never in plain text, never lost, renewed by one at a time."""

import asyncio
import base64
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import redis

from receiver.config.settings import SettingsError, load
from receiver.contract.redis_keys import CONSENTS
from receiver.outbound import Grant, Token
from receiver.polling.mailbox.consent_record import Consent
from receiver.polling.mailbox.consent_token import tokens_of
from receiver.polling.mailbox.consents import REFRESH_LIFE, Consents, KeyMissing, ends
from receiver.runtime.redis_client import async_client
from tests.support.command_line import here
from tests.support.commands import ROOT
from tests.support.consents import NEW, NOW, OLD, Gateway, give, headers, stored
from tests.support.eventually import eventually
from tests.support.valkey import Valkey


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


def test_no_token_is_readable_in_redis_or_on_its_disk(valkey: Valkey, gateway: Gateway) -> None:
    gateway.good = "r-0"
    give(valkey.url)
    assert headers(valkey.url, gateway) == {"authorization": "Bearer a-1"}
    valkey.client().bgrewriteaof()  # what the tests before this one have written goes with it
    eventually(lambda: not valkey._rewrites(valkey.client()))
    everything = b"".join(p.read_bytes() for p in valkey.directory.rglob("*") if p.is_file())
    record = stored(valkey).secret.encode()
    assert record in everything
    for secret in (b'"r-0"', b'"r-1"', b'"a-1"'):
        assert secret not in everything.replace(record, b"")


def test_without_keys_nothing_is_stored(redis_url: str) -> None:
    async def act(client: redis.asyncio.Redis) -> None:
        with pytest.raises(KeyMissing, match="RECEIVER_SECRET_KEYS is not set"):
            Consents(client, ())
        await client.aclose()

    async def inner() -> None:
        await act(async_client(redis_url))

    asyncio.run(inner())


def test_one_whose_keys_are_lost_can_be_forgotten(valkey: Valkey, tmp_path: Path) -> None:
    give(valkey.url)
    client: Any = valkey.client()
    (name,) = (each.decode() for each in client.hkeys(CONSENTS))
    done = here(tmp_path, "consent", name, "--forget", REDIS_URL=valkey.url)
    assert (done.code, done.err) == (
        0,
        f"{name}: deleted here; the subscriber can withdraw it at AT&T\n",
    )
    assert not client.exists(CONSENTS)


def test_a_new_key_is_put_first_and_the_old_one_may_go_after_the_next_refresh(
    valkey: Valkey, gateway: Gateway
) -> None:
    give(valkey.url)
    with pytest.raises(KeyMissing, match="none of RECEIVER_SECRET_KEYS"):
        headers(valkey.url, gateway, NEW)
    headers(valkey.url, gateway, NEW, OLD)
    assert headers(valkey.url, gateway, NEW) == {"authorization": "Bearer a-1"}


@pytest.mark.parametrize("value", ["short", "x" * 44, OLD + "," + "y" * 10, OLD[:-1]])
def test_a_key_that_is_none_stops_the_start_and_is_not_shown(value: str) -> None:
    with pytest.raises(SettingsError, match="RECEIVER_SECRET_KEYS") as fault:
        load({"RECEIVER_SECRET_KEYS": value}, file=False)
    assert value not in str(fault.value)


def test_keys_are_taken_as_openssl_writes_them() -> None:
    octets = bytes(range(220, 252))
    plain = base64.b64encode(octets).decode()
    assert set("+/") & set(plain)
    found = load({"RECEIVER_SECRET_KEYS": f"{plain}, {OLD}"}, file=False).secret_keys
    assert found == (base64.urlsafe_b64encode(octets).decode(), OLD)


def test_a_token_that_never_ends_is_renewed_daily() -> None:
    tokens = tokens_of(Grant(Token("a", math.inf), "r"), "r", now=1000.0)
    assert (tokens.renew_at, tokens.ends_at) == (1000 + 86_400, None)


def test_only_another_refresh_token_prolongs_a_consent() -> None:
    before = Consent(secret="", given=1, ends=500), tokens_of(Grant(Token("a", 9), "r"), "r")
    assert ends(before, "", 100.0) == ends(before, "r", 100.0) == ("r", 500)
    assert ends(before, "s", 100.0) == ("s", 100 + REFRESH_LIFE)


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (15 * 86_400, ""),
        (14 * 86_400, "ends in 14 days"),
        (3600, "ends in 1 days"),
        (0, "has ended"),
    ],
)
def test_a_consent_says_fourteen_days_before_that_it_ends(left: int, said: str) -> None:
    assert Consent(secret="", given=0, ends=NOW + left).trouble(NOW) == said


def test_the_web_process_loads_no_cryptography_for_it() -> None:
    code = "import sys; import receiver.polling.mailbox.consent_record as r; "
    code += "sys.exit('cryptography' in sys.modules)"
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, cwd=ROOT, env=os.environ, check=False).returncode == 0
