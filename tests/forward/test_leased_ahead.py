"""How much a remote sink's job leases and sends before it settles."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from tests.support.consumer import consuming
from tests.support.forwarding import Forwarding, http_sink, publish_many
from tests.support.valkey import Valkey
from workers.forward import delivery_queue, remote_job
from workers.forward.remote_job import RemoteJob
from workers.sinks.sink import TAKEN, Answer, Item

AT_ONCE = 2


class Prompt:
    """A consumer that has answered as soon as anybody looks."""

    batch_size = 1
    concurrency = AT_ONCE
    seconds = 5.0

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer: Callable[[int], Answer] = lambda _asked: TAKEN
        """How the so many-th request is answered."""
        self._under_way: list[list[Item]] = []

    def send(self, items: list[Item]) -> None:
        self.asked.append(items[0].id)
        self._under_way.append(items)

    def answers(self, _seconds: float) -> list[tuple[list[Item], Answer]]:
        first = len(self.asked) - len(self._under_way)
        done = [(items, self.answer(first + n)) for n, items in enumerate(self._under_way, 1)]
        self._under_way.clear()
        return done


@pytest.fixture
def prompt() -> Prompt:
    return Prompt()


@pytest.fixture
def forwarding(valkey: Valkey, prompt: Prompt) -> Iterator[Forwarding]:
    with consuming() as nobody:
        found = Forwarding(valkey, http_sink(nobody, concurrency=AT_ONCE))
        assert isinstance(found.job, RemoteJob)
        found.job = RemoteJob(prompt, found.job._loop)
        yield found


def calls(valkey: Valkey) -> int:
    return int(valkey.client().info("commandstats")["cmdstat_evalsha"]["calls"])


def test_a_prompt_consumer_s_answers_are_settled_many_at_once(
    valkey: Valkey, forwarding: Forwarding, prompt: Prompt
) -> None:
    ids = publish_many(valkey, 400)
    forwarding.run()
    assert prompt.asked == ids
    assert (forwarding.count("delivered"), forwarding.pending()) == (400, 0)
    # One lease and one settlement for each two would be 400; on a busy machine it is some 30.
    assert calls(valkey) < 150


def test_a_consumer_that_fails_after_many_is_asked_no_more_often_for_that(
    valkey: Valkey, forwarding: Forwarding, prompt: Prompt
) -> None:
    ids = publish_many(valkey, 400)
    prompt.answer = lambda asked: TAKEN if asked <= 200 else Answer("failed", "answered 500")
    forwarding.run()
    assert prompt.asked == ids[: len(prompt.asked)]
    assert 0 <= len(prompt.asked) - 200 - delivery_queue.FAILURES <= 2 * AT_ONCE
    assert forwarding.count("delivered") == 200


def test_what_was_leased_long_ago_is_not_sent(
    valkey: Valkey, forwarding: Forwarding, prompt: Prompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(remote_job, "time", SimpleNamespace(monotonic=lambda: clock.now))

    def slowly(asked: int) -> Answer:
        if asked == 200:  # what waits now would be answered after its lease
            clock.now += delivery_queue.lease_milliseconds(prompt.seconds) / 1000 - 4
        return TAKEN

    prompt.answer = slowly
    ids = publish_many(valkey, 400)
    forwarding.run()
    assert forwarding.pending() > 0
    sent = len(prompt.asked)
    assert 200 <= sent < 400
    forwarding.run()
    assert sorted(prompt.asked) == ids
    assert (forwarding.count("delivered"), forwarding.pending()) == (400, 0)
