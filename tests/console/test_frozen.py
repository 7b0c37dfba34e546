"""A Redis that is frozen answers nothing: pages say so, and soon."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import redis
from starlette.testclient import TestClient

from receiver.config.settings import Settings
from receiver.console import impatient
from receiver.console.app import COOKIE, THREADS, create
from receiver.console.impatient import Impatient
from receiver.console.pages import ROUTES, overview
from receiver.console.sessions import Link
from receiver.runtime import redis_client
from tests.console.conftest import BASE, OURS, PORT, sign_in
from tests.support.eventually import eventually
from tests.support.restricted import restricted
from tests.support.valkey import Valkey

WITHIN = 0.5


@pytest.fixture
def stranger(valkey: Valkey, settings: Settings, web: str) -> Iterator[TestClient]:
    client = redis_client.client(valkey.url, timeout=WITHIN, kind=Impatient)
    own = msgspec.structs.replace(settings, port=PORT)
    app = create(own, client, ROUTES, web)
    with TestClient(app, base_url=BASE, follow_redirects=False) as found:
        yield found
    client.close()


def test_thirty_pages_at_once_do_not_wait_for_each_other(
    stranger: TestClient, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = sign_in(stranger, valkey, Link("ada", "operator"))
    cookie = {"cookie": f"{COOKIE}={operator.cookies[COOKIE]}"}
    assert operator.get("/").status_code == 200
    asked: list[Any] = []
    ask = redis.Redis.execute_command

    def counted(self: redis.Redis, *args: Any, **options: Any) -> Any:
        asked.append(args)
        return ask(self, *args, **options)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(redis.Redis, "execute_command", counted)
    monkeypatch.setattr(impatient, "SILENT", 60.0)
    valkey.pause()
    try:
        with ThreadPoolExecutor(30) as threads:
            paths = ["/", "/dead-letters", "/live"] * 10
            answers = list(threads.map(lambda path: operator.get(path, headers=cookie), paths))
    finally:
        valkey.resume()
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert all("does not answer" in one.text for one in answers if one.status_code == 503)
    assert 1 <= len(asked) <= THREADS


def test_after_a_silence_nothing_is_asked_for_a_while(valkey: Valkey) -> None:
    client: Any = redis_client.client(valkey.url, timeout=WITHIN, kind=Impatient)
    assert client.ping()
    valkey.pause()
    try:
        with pytest.raises(redis.TimeoutError):
            client.ping()
    finally:
        valkey.resume()
    pipe = client.pipeline().ping()
    for ask in (client.ping, pipe.execute):
        with pytest.raises(redis.TimeoutError, match="a moment ago"):
            ask()
    eventually(lambda: asks(client.ping), within=30)
    assert pipe.execute() == [True]
    client.close()


def test_after_slow_answers_in_a_row_nothing_is_asked_for_a_while(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    ask = redis.Redis.execute_command

    def slowly(self: redis.Redis, seconds: float) -> Any:
        nonlocal now
        now += seconds
        return ask(self, "PING")  # type: ignore[no-untyped-call]

    monkeypatch.setattr(redis.Redis, "execute_command", slowly)
    monkeypatch.setattr(impatient, "time", SimpleNamespace(monotonic=lambda: now))
    client: Any = redis_client.client(valkey.url, timeout=60, kind=Impatient)
    for seconds in (1.8, 1.8, 0.9, 1.8, 1.8, 1.8):  # what is fast between slow ones begins anew
        assert client.execute_command(seconds)
    with pytest.raises(redis.TimeoutError, match="a moment ago"):
        client.execute_command(0.1)
    now += impatient.SILENT
    assert client.execute_command(0.1)
    client.close()


def test_reads_that_wait_for_what_comes_are_no_slow_answers(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait = 60
    monkeypatch.setattr(impatient, "SLOW", wait / 1_000 / 2)
    monkeypatch.setattr(impatient, "SLOW_TOGETHER", wait / 1_000)
    client: Any = redis_client.client(valkey.url, timeout=60, kind=Impatient)
    for _ in range(10):
        assert not client.xread({"quiet": "0-0"}, block=wait)
    assert client.ping()
    client.close()


def test_slow_answers_are_noticed_beside_reads_that_wait(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    ask = redis.Redis.execute_command

    def slowly(self: redis.Redis, *args: Any, **options: Any) -> Any:
        nonlocal now
        now += 1.8
        return ask(self, *args, **options)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(redis.Redis, "execute_command", slowly)
    monkeypatch.setattr(impatient, "time", SimpleNamespace(monotonic=lambda: now))
    client: Any = redis_client.client(valkey.url, timeout=60, kind=Impatient)
    for _ in range(3):
        client.xread({"quiet": "0-0"}, block=1)
        assert client.ping()
    with pytest.raises(redis.TimeoutError, match="a moment ago"):
        client.ping()
    client.close()


def test_a_silence_is_noticed_by_a_read_that_waits(valkey: Valkey) -> None:
    client: Any = redis_client.client(valkey.url, timeout=WITHIN, kind=Impatient)
    assert client.ping()
    valkey.pause()
    try:
        with pytest.raises(redis.TimeoutError):
            client.xread({"quiet": "0-0"}, block=1)
        with pytest.raises(redis.TimeoutError, match="a moment ago"):
            client.ping()
    finally:
        valkey.resume()
    client.close()


def asks(ask: Any) -> bool:
    try:
        return bool(ask())
    except redis.TimeoutError:
        return False


def test_a_redis_that_refuses_is_not_said_to_be_silent(
    valkey: Valkey, web: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "FRESH", 0.0)
    app = create(Settings(port=PORT), restricted(valkey), ROUTES, web)
    with TestClient(app, base_url=BASE, follow_redirects=False) as client:
        sign_in(client, valkey, Link("ada", "operator"))
        assert client.get("/").status_code == 200
        restricted(valkey, "-eval", "-xrevrange")
        refused = [client.get("/").text]
        refused += [client.post("/search", headers=OURS, data={"text": "private words"}).text]
    for page in refused:
        assert "Redis refuses: " in page
        assert "no permissions" in page
        assert "does not answer" not in page


def test_a_redis_that_takes_the_password_no_more_is_not_said_to_be_silent(
    valkey: Valkey, web: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "FRESH", 0.0)
    app = create(Settings(port=PORT), restricted(valkey), ROUTES, web)
    with TestClient(app, base_url=BASE, follow_redirects=False) as client:
        sign_in(client, valkey, Link("ada", "operator"))
        assert client.get("/").status_code == 200
        admin: Any = valkey.client()
        admin.execute_command("ACL", "SETUSER", "narrow", "resetpass", ">another")
        admin.execute_command("CLIENT", "KILL", "USER", "narrow")
        pages = [client.get(path) for path in ("/", "/dead-letters")]
    assert [page.status_code for page in pages] == [200, 503]
    for page in pages:
        assert "it does not take this user and password" in page.text
        assert "does not answer" not in page.text
