"""What was revoked stays revoked, also where Redis comes back as it was before."""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from receiver.auth import credential_store
from receiver.auth.bearer import Credential, Credentials
from receiver.contract.redis_keys import CREDENTIALS, CREDENTIALS_REVISION, CREDENTIALS_REVOKED
from tests.support import stored_credentials
from tests.support.bare import connect, read_answer, request, status
from tests.support.commands import free_port, run
from tests.support.eventually import eventually
from tests.support.running import Receiver, mo
from tests.support.valkey import Valkey

TOKEN = b"a-stored-token-1"
DIGEST = hashlib.sha256(TOKEN).hexdigest().encode()
OLD = Credential(label="old", created=1.0)


def record(credential: Credential = OLD) -> bytes:
    return msgspec.json.encode(credential)


def decided(known: Credentials) -> str:
    return stored_credentials.decided(known, TOKEN)


@pytest.fixture
def known() -> Credentials:
    """It has seen the token stored, and then revoked, under revision 8."""
    known = Credentials([])
    known.replace({DIGEST: record()}, 7)
    assert decided(known) == "old"
    known.replace({}, 8, [DIGEST])
    assert decided(known) == "401 unknown credential"
    return known


@pytest.mark.parametrize("revision", [0, 7, 8, 9, 20])
def test_a_revoked_token_that_is_back_as_it_was_stays_unknown(
    known: Credentials, revision: int
) -> None:
    for later in range(3):
        known.replace({DIGEST: record()}, revision + later)
        assert decided(known) == "401 unknown credential"
        assert known.returned == {DIGEST: record()}


@pytest.mark.parametrize("revision", [7, 9])
def test_a_revoked_token_that_is_added_anew_is_good(known: Credentials, revision: int) -> None:
    known.replace({DIGEST: record()}, revision)
    known.replace({}, revision + 1, [DIGEST])
    assert decided(known) == "401 unknown credential"
    known.replace({DIGEST: record(Credential(label="anew", created=2.0))}, revision + 2)
    assert decided(known) == "anew"
    assert not known.returned
    known.replace({DIGEST: record(Credential(label="anew", created=2.0))}, revision + 3)
    assert decided(known) == "anew"


def test_a_record_beside_its_revocation_is_unknown_from_the_first_reading_on() -> None:
    fresh = Credentials([])
    for _ in range(3):
        fresh.replace({DIGEST: record()}, 8, [DIGEST])
        assert decided(fresh) == "401 unknown credential"
        assert fresh.returned == {DIGEST: record()}
    anew = record(Credential(label="anew", created=2.0))
    fresh.replace({DIGEST: anew}, 9)
    assert decided(fresh) == "anew"


def test_who_never_saw_the_record_knows_by_the_name_that_it_was_revoked() -> None:
    known = Credentials([])
    known.replace({}, 8, [DIGEST])
    known.replace({DIGEST: record()}, 7)
    assert decided(known) == "401 unknown credential"
    known.replace({DIGEST: record(Credential(label="anew", created=2.0))}, 9)
    assert decided(known) == "anew"
    fresh = Credentials([])
    fresh.replace({}, 8, [DIGEST])
    fresh.replace({DIGEST: record()}, 9)
    assert decided(fresh) == "old"


def test_a_token_that_was_given_an_end_still_ends_where_redis_forgets_it() -> None:
    known = Credentials([])
    ended = Credential(label="old", created=1.0, expires=time.time() - 1)
    known.replace({DIGEST: record(ended)}, 8)
    for revision in (7, 8, 9):
        known.replace({DIGEST: record()}, revision)
        assert decided(known) == "401 expired credential"
        assert not known.returned
    known.replace({DIGEST: record(Credential(label="anew", created=2.0))}, 10)
    assert decided(known) == "anew"


def test_an_end_that_redis_remembers_and_this_process_does_not_counts() -> None:
    known = Credentials([])
    known.replace({DIGEST: record()}, 8)
    known.replace({DIGEST: record(Credential(label="old", expires=time.time() - 1))}, 7)
    assert decided(known) == "401 expired credential"


def test_an_end_may_still_be_taken_back_where_nothing_was_lost() -> None:
    known = Credentials([])
    known.replace({DIGEST: record(Credential(expires=time.time() - 1))}, 8)
    known.replace({DIGEST: record()}, 8)
    assert decided(known) == "old"


def test_a_redis_that_comes_back_as_it_was_lets_nobody_in_again(receiver: Receiver) -> None:
    client = receiver.redis
    credential_store.add(client, TOKEN.decode(), Credential(label="old", created=time.time()))
    before: Any = client.hgetall(CREDENTIALS)
    revision: Any = client.get(CREDENTIALS_REVISION)
    receiver.start_web()

    def answer() -> int:
        with connect(receiver.port) as line:
            bearer = ("authorization", b"Bearer " + TOKEN)
            line.sendall(request("/att/sms/mo", mo(), bearer))
            return status(read_answer(line))

    eventually(lambda: answer() == 204)
    credential_store.revoke(client, credential_store.find(client, "old"))
    eventually(lambda: answer() == 401)
    with client.pipeline() as pipe:  # as an older copy, or a replica that had not heard, has them
        pipe.delete(CREDENTIALS_REVOKED)
        pipe.hset(CREDENTIALS, mapping=before)
        pipe.set(CREDENTIALS_REVISION, revision)
        pipe.execute()

    def revoked_again() -> bool:
        assert answer() == 401
        return not client.hexists(CREDENTIALS, DIGEST)

    eventually(revoked_again)
    assert client.smembers(CREDENTIALS_REVOKED) == {DIGEST}
    assert "credentials.returned" in receiver.log.read_text()
    assert answer() == 401
    credential_store.add(client, TOKEN.decode(), Credential(label="anew", created=time.time()))
    eventually(lambda: answer() == 204)


def test_what_was_changed_meanwhile_is_not_revoked_again(valkey: Valkey) -> None:
    client = valkey.client()
    anew = record(Credential(label="anew", created=2.0))
    client.hset(CREDENTIALS, DIGEST, anew)
    client.eval(*credential_store.revoke_again(DIGEST, record()))
    assert client.hgetall(CREDENTIALS) == {DIGEST: anew}
    client.eval(*credential_store.revoke_again(DIGEST, anew))
    assert client.hgetall(CREDENTIALS) == {}


@pytest.mark.parametrize("options", [(), ("--in-days", "3")])
def test_revoking_waits_until_the_replicas_have_it(
    start_valkey: Callable[..., Valkey], tmp_path: Path, options: tuple[str, ...]
) -> None:
    port = str(free_port())
    master = start_valkey(port=port, bind="127.0.0.1")
    client = master.client()
    environ = {"REDIS_URL": master.url, "RECEIVER_ACK_REPLICAS": "1"}
    credential_store.add(client, TOKEN.decode(), Credential(label="old"))
    done = run(tmp_path, "credentials", "revoke", "old", *options, **environ)
    assert done.returncode == 2
    assert DIGEST[:12].decode() in done.stderr
    assert "0 of 1 replicas" in done.stderr
    replica = start_valkey(replicaof=f"127.0.0.1 {port}")
    credential_store.add(client, b"another-token".decode(), Credential(label="new"))
    eventually(lambda: client.info("replication").get("connected_slaves") == 1)
    eventually(lambda: replica.client().info("replication")["master_link_status"] == "up")
    done = run(tmp_path, "credentials", "revoke", "new", *options, **environ)
    assert (done.returncode, "replicas" in done.stderr) == (0, False)
    kept = replica.client().hgetall(CREDENTIALS)
    assert all(b"expires" in one and b'"expires":null' not in one for one in kept.values())


def test_what_was_revoked_and_added_anew_stays_known_where_later_changes_are_lost() -> None:
    known = Credentials([])
    known.replace({}, 8, [DIGEST])
    anew = Credential(label="new", created=2.0)
    known.replace({DIGEST: record(anew)}, 9)
    assert decided(known) == "new"
    known.replace({DIGEST: record(anew)}, 5)
    assert decided(known) == "new"
