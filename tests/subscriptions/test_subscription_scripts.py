"""The controller's scripts: one step of one slot as a whole, and only by who has the lease."""

import json
from typing import Any

import pytest

from receiver.runtime.scripts import load
from tests.support.valkey import Valkey

NAMES = ("lease", "slots", "ids", "attempts", "credentials", "changes", "revision", "sets")
KEYS = (*NAMES, "due:0", "due:1", "due:2", "due:3")


class Scripts:
    def __init__(self, client: Any) -> None:
        self.client = client
        assert self.hold("me")

    def hold(self, owner: str, milliseconds: int = 60_000) -> bool:
        text = load("receiver.subscriptions", "acquire_lease")
        got, seconds = self.client.eval(text, 1, "lease", owner, milliseconds)
        assert abs(int(seconds) - self.client.time()[0]) <= 1
        return bool(got)

    def commit(self, *words: object, owner: str = "me") -> str:
        """Slot, record before and after, rank, due, and what goes with it."""
        text = load("receiver.subscriptions", "commit")
        return str(self.client.eval(text, len(KEYS), *KEYS, owner, *words).decode())

    def drop(self, *words: str, owner: str = "me") -> str:
        text = load("receiver.subscriptions", "delete_credentials")
        return str(self.client.eval(text, len(KEYS), *KEYS, owner, *words).decode())

    def due(self) -> list[dict[bytes, float]]:
        ranks = [self.client.zrange(f"due:{n}", 0, -1, withscores=True) for n in range(4)]
        return [dict(rank) for rank in ranks]

    def changes(self) -> list[tuple[bytes, float]]:
        return list(self.client.zrange("changes", 0, -1, withscores=True))


@pytest.fixture
def scripts(valkey: Valkey) -> Scripts:
    return Scripts(valkey.client())


def test_a_lease_is_one_owners_until_it_ends(scripts: Scripts) -> None:
    assert scripts.hold("me", 30_000)
    assert 25_000 < scripts.client.pttl("lease") <= 30_000
    assert not scripts.hold("other", 30_000)
    assert not scripts.hold("other", scripts.client.pttl("lease"))
    assert scripts.client.get("lease") == b"me"
    assert scripts.hold("other", 5_000)  # longer than a lease is: of a clock that was ahead
    assert scripts.client.get("lease") == b"other"
    scripts.client.persist("lease")
    assert scripts.hold("me")


def test_without_the_lease_nothing_is_written(scripts: Scripts) -> None:
    goes = ("credential", "d", "{}")
    assert scripts.commit("slot", "", "one", 0, 5, *goes, owner="other") == "lease"
    assert scripts.drop("d", "a", owner="other") == "lease"
    assert scripts.client.keys("*") == [b"lease"]


def test_a_record_is_replaced_only_where_it_is_what_was_read(scripts: Scripts) -> None:
    assert scripts.commit("slot", "", "one", 0, 5) == "done"
    assert scripts.commit("slot", "", "two", 0, 6) == "stale"
    assert scripts.commit("slot", "one", "two", 0, 6) == "done"
    assert scripts.client.hgetall("slots") == {b"slot": b"two"}
    assert scripts.due() == [{b"slot": 6.0}, {}, {}, {}]


def test_a_slot_is_due_in_one_rank_or_in_none(scripts: Scripts) -> None:
    before = ""
    for rank, due in ((0, 5), (1, 6), (2, 7), (3, 9), (1, 8)):
        assert scripts.commit("slot", before, f"{due}", rank, due) == "done"
        before = f"{due}"
        assert scripts.due() == [{b"slot": due} if n == rank else {} for n in range(4)]
    assert scripts.commit("slot", before, "9", 1, "") == "done"
    assert scripts.due() == [{}, {}, {}, {}]
    assert scripts.commit("slot", "9", "", 0, "") == "done"
    assert scripts.client.hgetall("slots") == {}


def test_what_goes_with_a_step_is_written_with_it_and_every_change_has_its_number(
    scripts: Scripts,
) -> None:
    later, sooner = json.dumps({"label": "l", "expires": 900}), 500
    goes = ("credential", "d1", later, "attempt", "a1", "x", "id", "i1", "slot")
    counts = ("count", "fleet:made", 1, "count", "fleet:made", 2)
    assert scripts.commit("slot", "", "one", 0, 5, *goes, *counts) == "done"
    client = scripts.client
    assert client.hgetall("credentials") == {b"d1": later.encode()}
    assert client.hgetall("attempts") == {b"a1": b"x"}
    assert client.hgetall("ids") == {b"i1": b"slot"}
    assert client.hgetall("sets") == {b"fleet:made": b"3"}
    assert (scripts.changes(), client.get("revision")) == ([(b"d1", 1.0)], b"1")
    for value in (sooner, 900, sooner, 501):  # an end is never put off
        assert scripts.commit("slot", "one", "one", 0, 5, "expire", "d1", value) == "done"
        assert json.loads(client.hget("credentials", "d1")) == {"label": "l", "expires": sooner}
    assert scripts.commit("slot", "one", "one", 0, 5, "expire", "nobody", 1) == "done"
    assert scripts.changes() == [(b"d1", 2.0)]
    assert scripts.commit("slot", "one", "one", 0, 5, "credential", "d2", "{}") == "done"
    assert scripts.drop("d1", "a1", "d2", "a2") == "done"
    assert client.exists("credentials", "attempts") == 0
    assert (scripts.changes(), client.get("revision")) == ([(b"d1", 4.0), (b"d2", 5.0)], b"5")
