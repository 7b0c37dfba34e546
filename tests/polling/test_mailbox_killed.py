"""A poll of a mailbox that is killed between two steps loses nothing and doubles nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.dying_mailbox import STEPS
from tests.support.mailbox_gateway import MailboxGateway, served
from tests.support.polled_mailbox import PolledMailbox
from tests.support.valkey import Valkey

LISTING = ("after consent", "after index", "after note 2", "after page", "after append 2")
"""The first note is the order to build the index, the second its pinned state, then the pages."""
FOLLOWING = ("after messages", "after append")


@pytest.fixture
def gateway() -> MailboxGateway:
    return MailboxGateway(page=2, has=3)


@pytest.fixture
def alice(valkey: Valkey, tmp_path: Path, gateway: MailboxGateway) -> Iterator[PolledMailbox]:
    with served(gateway) as url:
        found = PolledMailbox(valkey, tmp_path, url)
        found.consent()
        yield found


@pytest.mark.parametrize("point", LISTING)
def test_killed_at_the_first_list(
    alice: PolledMailbox, gateway: MailboxGateway, point: str
) -> None:
    gateway.access = "another"  # the token that came with the consent is over
    assert alice.killed(point) == -9
    gateway.add("meanwhile")
    for _ in range(3):
        alice.once()
    assert sorted(alice.said()) == sorted(f"added {one}" for one in gateway.messages)


@pytest.mark.parametrize("point", FOLLOWING)
def test_killed_while_following_each_change_comes_out_once(
    alice: PolledMailbox, gateway: MailboxGateway, point: str
) -> None:
    alice.once()
    gateway.add("m3")
    gateway.mark("m0", isUnread=False)
    gateway.delete("m1")
    assert alice.killed(point) == -9
    alice.once()
    alice.once()
    assert alice.said()[3:] == ["added m3", "updated m0", "deleted m1"]


def test_killed_between_a_refresh_and_its_storing_the_subscriber_is_asked_for(
    alice: PolledMailbox, gateway: MailboxGateway
) -> None:
    gateway.access = "another"
    assert alice.killed("before consent") == -9
    done = alice.once()
    assert (done.outcome, "run `receiver consent alice`" in done.trouble) == ("unauthorised", True)


def test_every_step_has_its_kill() -> None:
    assert {point.split()[1] for point in (*LISTING, *FOLLOWING)} == set(STEPS)
