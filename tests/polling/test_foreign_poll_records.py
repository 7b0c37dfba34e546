"""What another program wrote where a poll has its records stops no poll."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.contract.redis_keys import (
    CONSENTS,
    mailbox_known,
    mailbox_state,
    poll_state,
)
from tests.support.mailbox_gateway import MailboxGateway, served
from tests.support.polled_mailbox import PolledMailbox
from tests.support.polling import Polled
from tests.support.valkey import Valkey

RECORDS = [b"none", b"\xff", b"[1]", b'{"states":{"roaming":{}},"since":{}}']


@pytest.fixture
def gateway() -> MailboxGateway:
    return MailboxGateway()


@pytest.fixture
def alice(valkey: Valkey, tmp_path: Path, gateway: MailboxGateway) -> Iterator[PolledMailbox]:
    with served(gateway) as url:
        yield PolledMailbox(valkey, tmp_path, url)


@pytest.mark.parametrize("record", RECORDS)
def test_a_mailbox_whose_progress_cannot_be_read_is_listed_anew(
    alice: PolledMailbox, gateway: MailboxGateway, record: bytes
) -> None:
    alice.consent()
    gateway.add("m1", "a text")
    assert alice.once().outcome == "messages"
    alice.redis.set(mailbox_state("alice"), record)
    alice.redis.hset(mailbox_known("alice"), "m1", record)
    alice.redis.hset(mailbox_known("alice"), b"\xff", record)
    gateway.add("m2", "a text")
    assert alice.once().outcome == "messages"
    assert alice.once().outcome == "empty"
    said = alice.said()
    assert (said.count("added m1"), said.count("added m2")) == (1, 1)
    assert not [one for one in said if one.startswith("deleted")]


@pytest.mark.parametrize("record", RECORDS)
def test_a_consent_that_cannot_be_read_is_one_that_was_never_given(
    alice: PolledMailbox, gateway: MailboxGateway, record: bytes
) -> None:
    gateway.add("m1", "a text")
    alice.redis.hset(CONSENTS, "alice", record)
    done = alice.once()
    assert done.outcome == "unauthorised"
    assert "the consent was never given: run `receiver consent alice`" in done.trouble
    alice.consent()
    assert alice.once().outcome == "messages"


def test_a_poll_says_what_it_is_also_after_a_loss_in_redis(polled: Polled) -> None:
    losses = 0

    def said_again() -> bool:
        nonlocal losses
        if not losses and polled.state().get("outcome"):
            losses = polled.redis.delete(poll_state("promo"))
            return False
        return losses > 0 and "every" in polled.state()

    polled.until(said_again, within=30)
    assert (polled.state()["kind"], polled.state()["every"]) == ("att-inbox", "10")
