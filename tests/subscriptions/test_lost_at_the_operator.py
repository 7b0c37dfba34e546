"""What a list lacks although it should be alive is looked at, whoever reads the list first."""

from pathlib import Path

from receiver.outbound import Answer
from receiver.subscriptions import orphans, unknown_attempts
from receiver.subscriptions.api import Api, Listing
from receiver.subscriptions.context import Context
from receiver.subscriptions.lists import Lists
from tests.support.subscribing import attempt, run, slot
from tests.support.valkey import Valkey


class Forgetful(Api):
    """The API of an operator that has lost everything."""

    def __init__(self) -> None:
        pass

    async def list(self, _base: str, now: float) -> Listing:
        return Listing(now, ())

    async def get(self, _base: str, _subscription: str) -> Answer:
        return Answer(status=404, headers={}, body=b"")


def test_what_is_lost_is_checked_also_where_a_lost_answer_was_looked_for_before(
    valkey: Valkey, tmp_path: Path
) -> None:
    async def steps(context: Context) -> None:
        api = Forgetful()
        context.api, context.lists = api, Lists(api, context.store.now)
        now = context.store.now()
        lives = attempt(subscription="lost", created=now - 900, ends=now + 9000)
        other = attempt(id="rs2", state="unknown", ends=0, asked_end=now + 9000)
        one, two = slot(lives), slot(other, id="fleet:b")
        await context.store.add_slots([one, two])
        context.lists.note_alive(context.base(one), "lost")
        context.store._ahead += 300  # until now the list may have been too old to show it
        await unknown_attempts.resolve(context, two, other)
        await orphans.check_orphans(context)
        after = await context.store.read_slot(one.id)
        assert after
        assert after.attempts[0].next

    run(valkey, tmp_path, steps)


def test_one_that_is_to_be_looked_at_again_soon_keeps_its_time_when_a_list_lacks_it(
    valkey: Valkey, tmp_path: Path
) -> None:
    """Two answers 404 in a row are its end, and an operator may be a while behind itself."""

    async def steps(context: Context) -> None:
        api = Forgetful()
        context.api, context.lists = api, Lists(api, context.store.now)
        now = context.store.now()
        seen = attempt(subscription="lost", created=now - 900, ends=now + 9000)
        seen.absences, seen.next = 1, now + 1000
        one = slot(seen)
        await context.store.add_slots([one])
        context.lists.note_alive(context.base(one), "lost")
        context.store._ahead += 300
        await orphans.check_orphans(context)
        after = await context.store.read_slot(one.id)
        assert after
        assert after.attempts[0].next == seen.next

    run(valkey, tmp_path, steps)
