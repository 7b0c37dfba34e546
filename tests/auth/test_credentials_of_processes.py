"""Who may send to whole web processes, while credentials change and Redis comes and goes."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.auth import credential_store
from receiver.auth.bearer import Credential
from receiver.contract.redis_keys import CREDENTIALS, CREDENTIALS_USED
from receiver.health.monitor import EVERY
from tests.support.bare import connect, read_answer, request, status
from tests.support.eventually import eventually
from tests.support.running import TOKEN, Receiver, mo
from tests.support.stored_credentials import STORED, STRANGE, digest, record
from tests.support.valkey import Valkey


@pytest.fixture
def two_processes(valkey: Valkey, tmp_path: Path) -> Iterator[Receiver]:
    """A receiver with two web processes behind one port."""
    found = Receiver(valkey, tmp_path, WEB_CONCURRENCY="2")
    yield found.start_web()
    found.stop()


def answer(receiver: Receiver, token: bytes) -> int:
    with connect(receiver.port) as line:
        line.sendall(request("/att/sms/mo", mo(), ("authorization", b"Bearer " + token)))
        return status(read_answer(line))


def start_web(receiver: Receiver) -> None:
    """It is ready before it has seen the store where its first look was not answered in time."""
    receiver.start_web()
    eventually(lambda: answer(receiver, STRANGE) == 401)


def test_a_change_counts_in_every_web_process_within_two_seconds(
    two_processes: Receiver,
) -> None:
    receiver = two_processes

    asking: list[float] = []

    def everywhere(wanted: int) -> bool:
        begun = time.monotonic()
        # A new connection goes to any of the processes.
        found = all(answer(receiver, STORED) == wanted for _ in range(20))
        asking.append(time.monotonic() - begun)
        return found

    eventually(lambda: everywhere(401))
    receiver.redis.hset(CREDENTIALS, digest(STORED), record())
    begun = time.monotonic()
    eventually(lambda: everywhere(204))
    receiver.redis.hdel(CREDENTIALS, digest(STORED))
    eventually(lambda: everywhere(401))
    twice = time.monotonic() - begun
    assert EVERY <= 1  # a process looks, and a look takes less than another second
    # On a busy machine each is seen late: by an answer that was old, and then by twenty new ones;
    # and so busy a process may have no turn for seconds.
    assert twice < 2 * (2 + 2 * max(asking)) + 16


def test_the_last_use_of_a_stored_token_is_written_down_and_of_no_other(
    receiver: Receiver,
) -> None:
    receiver.redis.hset(CREDENTIALS, digest(STORED), record())
    start_web(receiver)
    begun = time.time()
    assert [answer(receiver, one) for one in (STORED, STRANGE, TOKEN.encode())] == [204, 401, 204]
    eventually(lambda: receiver.redis.hlen(CREDENTIALS_USED))
    used = receiver.redis.hgetall(CREDENTIALS_USED)
    assert list(used) == [digest(STORED)]
    assert begun <= float(used[digest(STORED)]) <= time.time()


def test_while_redis_is_away_no_right_token_is_called_wrong(receiver: Receiver) -> None:
    receiver.redis.hset(CREDENTIALS, digest(STORED), record())
    start_web(receiver)
    receiver.valkey.pause()
    assert answer(receiver, STRANGE) == 401
    assert answer(receiver, STORED) == 503
    assert answer(receiver, TOKEN.encode()) == 503
    receiver.valkey.resume()
    eventually(lambda: answer(receiver, STORED) == 204)


def test_a_redis_that_comes_back_empty_makes_no_right_token_a_wrong_one(
    receiver: Receiver,
) -> None:
    credential_store.add(receiver.redis, STORED.decode(), Credential(label="stored"))
    start_web(receiver)
    assert answer(receiver, STORED) == 204
    receiver.redis.flushall()
    eventually(lambda: "credentials.lost" in receiver.log.read_text())
    eventually(lambda: answer(receiver, STORED) == 204)
    assert answer(receiver, STRANGE) == 503
    # It counts at once when somebody revokes it: added again first, or nobody knows it by name.
    name = credential_store.add(receiver.redis, STORED.decode(), Credential())
    credential_store.revoke(receiver.redis, credential_store.find(receiver.redis, name))
    eventually(lambda: answer(receiver, STORED) == 401)
    assert answer(receiver, STRANGE) == 503
    credential_store.add(receiver.redis, STORED.decode(), Credential(created=time.time()))
    eventually(lambda: answer(receiver, STORED) == 204)


def test_a_process_that_never_saw_the_store_calls_nobody_unknown(receiver: Receiver) -> None:
    receiver.redis.hset(CREDENTIALS, digest(STORED), record())
    start_web(receiver)
    receiver.redis.set(CREDENTIALS, "of another type")  # from here on no look at it succeeds
    assert answer(receiver, STORED) == 204
    other = Receiver(receiver.valkey, receiver.log.parent)
    try:
        other.start_web()
        assert answer(other, STORED) == 503
        assert answer(other, TOKEN.encode()) == 204
    finally:
        other.stop()


def test_a_refusal_that_cannot_be_kept_is_answered_503(receiver: Receiver) -> None:
    receiver.start_web()
    receiver.valkey.pause()
    with connect(receiver.port) as line:
        line.sendall(request("/att/sms/mo", b"{", ("authorization", f"Bearer {TOKEN}")))
        assert status(read_answer(line)) == 503
