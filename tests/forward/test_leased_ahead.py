"""How much a remote sink's job leases and sends before it settles."""

from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from receiver.config.settings import RedisStreamSink
from receiver.contract.redis_keys import retry_due
from tests.support.consumer import consuming
from tests.support.forwarding import Forwarding, http_sink, publish_many
from tests.support.valkey import Valkey
from workers.forward import delivery_queue, outcomes, remote_job, run_loop, transactional_job
from workers.forward.outcomes import Outcome
from workers.forward.remote_job import RemoteJob
from workers.forward.transactional_job import TransactionalJob
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
    for each in (remote_job, delivery_queue):
        monkeypatch.setattr(each, "time", SimpleNamespace(monotonic=lambda: clock.now))

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


@pytest.fixture
def copying(valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> Forwarding:
    """A sink on our own Redis, two events at a time."""
    monkeypatch.setattr(transactional_job, "BATCH", AT_ONCE)
    return Forwarding(valkey, RedisStreamSink(name="copy", stream="company:events"))


def after_settling(forwarding: Forwarding, then: Callable[[], object]) -> None:
    """Have something happen after each settlement."""
    settle = forwarding.deliveries.settle

    def settled(outcomes: Sequence[Outcome], *then_lease: int) -> bool:
        opened = settle(outcomes, *then_lease)
        then()
        return opened

    forwarding.deliveries.settle = settled  # type: ignore[assignment, method-assign]


def test_what_is_leased_next_is_asked_for_with_what_is_settled(
    valkey: Valkey, copying: Forwarding
) -> None:
    alone: list[str] = []
    execute = copying.client.execute_command

    def executed(*args: Any, **options: Any) -> Any:
        alone.extend(args[:1])
        return execute(*args, **options)

    copying.client.execute_command = executed
    publish_many(valkey, 20 * AT_ONCE)
    copying.run()
    assert (copying.count("delivered"), copying.pending()) == (20 * AT_ONCE, 0)
    assert alone.count("EVALSHA") <= 5  # two leases and a settlement, two of them also in vain


def test_a_server_that_has_forgotten_the_scripts_gets_them_again(
    valkey: Valkey, copying: Forwarding
) -> None:
    after_settling(copying, copying.client.script_flush)
    publish_many(valkey, 5 * AT_ONCE)
    copying.run()
    assert (copying.count("delivered"), copying.pending()) == (5 * AT_ONCE, 0)


def test_nothing_is_leased_before_a_settlement_that_says_not_to_send(
    valkey: Valkey, copying: Forwarding
) -> None:
    """Also where the server has forgotten the scripts, and another worker has leased since."""
    publish_many(valkey, 5 * AT_ONCE)
    queue = copying.deliveries
    queue.settle([outcomes.again(item, item.delivery) for item in queue.lease(1)])
    copying.client.script_flush()
    Forwarding(valkey, copying.sink, consumer="other").deliveries.lease(1)
    queue.settle([outcomes.pause(5_000)], AT_ONCE)
    assert queue.leased_ahead() == []


def test_what_was_leased_before_a_stop_is_delivered_where_that_takes_one_script(
    valkey: Valkey, copying: Forwarding
) -> None:
    queue = copying.deliveries

    def stop_once_leased() -> None:
        copying.stop = copying.stop or queue.has_leased_ahead

    after_settling(copying, stop_once_leased)
    publish_many(valkey, 5 * AT_ONCE)
    copying.run()
    assert (copying.count("delivered"), copying.pending()) == (3 * AT_ONCE, 0)


def test_a_retry_that_was_leased_before_a_stop_is_due_for_others_at_once(
    valkey: Valkey, forwarding: Forwarding, prompt: Prompt
) -> None:
    prompt.answer = lambda _asked: Answer("failed", "answered 500")
    publish_many(valkey, 3 * AT_ONCE)
    forwarding.run()
    forwarding.now += 3600
    prompt.answer = lambda _asked: TAKEN
    after_settling(forwarding, lambda: setattr(forwarding, "stop", True))
    forwarding.run()
    due = forwarding.client.zrange(retry_due("hook"), 0, -1, withscores=True)
    left = 3 * AT_ONCE - forwarding.count("delivered")
    assert 0 < left == len(due)
    assert max(at for _, at in due) <= 1000 * forwarding.now


def test_what_was_leased_before_a_fault_is_not_sent_twice(
    forwarding: Forwarding, prompt: Prompt, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts, faults = forwarding.deliveries.attempts, [ConnectionError()]
    write, answers = attempts.write, prompt.answers
    later: list[tuple[list[Item], Answer]] = []

    def at_last_one_by_one(seconds: float) -> list[tuple[list[Item], Answer]]:
        later.extend(answers(seconds))
        now = len(later) if faults else 1
        done, later[:] = later[:now], later[now:]
        return done

    monkeypatch.setattr(prompt, "answers", at_last_one_by_one)

    def written(*, soon: bool = False) -> None:
        if faults and forwarding.deliveries.has_leased_ahead:
            raise faults.pop()
        write(soon=soon)

    monkeypatch.setattr(attempts, "write", written)
    ids = publish_many(valkey, 20 * AT_ONCE)
    with pytest.raises(ConnectionError):
        forwarding.run()
    forwarding.run()
    assert sorted(prompt.asked) == ids


def test_a_job_that_its_memory_stops_leases_no_more(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch, copying: Forwarding
) -> None:
    lags = [False, True, True]
    assert isinstance(copying.job, TransactionalJob)
    monkeypatch.setattr(copying.job._sink, "reader_lags", lambda: lags.pop(0))
    publish_many(valkey, 5 * AT_ONCE)
    copying.run()
    assert (copying.count("delivered"), copying.pending()) == (AT_ONCE, 0)


def test_a_job_whose_time_is_up_has_the_next_one_begin_at_once(
    valkey: Valkey, forwarding: Forwarding, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_many(valkey, 1)
    monkeypatch.setattr(run_loop, "WORK_SECONDS", 0.0)
    forwarding.job.run()
    assert forwarding.rung == 1
