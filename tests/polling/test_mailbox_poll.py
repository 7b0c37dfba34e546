"""From a subscriber's consent to events, with the commands that an operator uses."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio
from redis.utils import str_if_bytes

from receiver.contract.redis_keys import CONSENTS
from tests.support.mailbox_gateway import BAD, MailboxGateway, answering, served
from tests.support.polled_mailbox import PolledMailbox
from tests.support.valkey import Valkey

BACK = "https://app.example.com/consented?code=a-code"


@pytest.fixture
def gateway() -> MailboxGateway:
    return MailboxGateway()


@pytest.fixture
def alice(valkey: Valkey, tmp_path: Path, gateway: MailboxGateway) -> Iterator[PolledMailbox]:
    with served(gateway) as url:
        yield PolledMailbox(valkey, tmp_path, url)


def test_after_the_consent_messages_come_out_as_events(
    alice: PolledMailbox, gateway: MailboxGateway
) -> None:
    gateway.add("m1", "a secret")
    asked = alice.command("consent", "alice", said=BACK + "\n")
    assert (asked.exit_code, "a-code" in asked.stdout + asked.stderr) == (0, False)
    assert asked.stdout.strip().endswith(
        "/oauth/v4/authorize?client_id=an-app&scope=IMMN,MIM"
        "&redirect_uri=https%3A%2F%2Fapp.example.com%2Fconsented"
    )
    assert alice.once().outcome == "messages"
    assert alice.once().outcome == "empty"
    (event,) = alice.events()
    assert event["source"] == "/att/mailbox/alice"
    assert event["type"] == "inbox.message.added.v1"
    assert event["data"]["mailbox"] == "+12065550100"
    assert event["data"]["raw"]["message"]["messageId"] == "m1"
    assert "secret" not in json.dumps(event)
    assert alice.redis.hget("receiver:poll:alice", "polls:messages") == b"1"


def test_a_mailbox_is_read_with_what_the_oldest_servers_know(
    alice: PolledMailbox, gateway: MailboxGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[Any, ...]] = []
    ask: Any = redis.asyncio.Redis.execute_command

    def noted(self: Any, *args: Any, **options: Any) -> Any:
        sent.append(args)
        return ask(self, *args, **options)

    gateway.add("m1", "a secret")
    alice.consent()
    monkeypatch.setattr(redis.asyncio.Redis, "execute_command", noted)
    assert alice.once().outcome == "messages"
    scans = [args for args in sent if args[0] == "HSCAN"]
    assert scans
    assert not any("NOVALUES" in map(str_if_bytes, args) for args in scans)  # Redis 7.4


def test_a_code_is_exchanged_once(alice: PolledMailbox, gateway: MailboxGateway) -> None:
    alice.consent()
    again = alice.command("consent", "alice", said=BACK)
    assert (again.exit_code, gateway.refreshes) == (2, 1)
    assert "was exchanged before" in again.stderr


@pytest.mark.parametrize(
    ("pasted", "said"),
    [
        ("https://app.example.com/consented?error=access_denied", "(access_denied)"),
        ("https://app.example.com/consented?error=<script>", "(an error)"),
        ("https://app.example.com/consented", "with ?code="),
        ("", "with ?code="),
        ("http://[app?code=", "with ?code="),
        ("https://app.example.com/consented?code=wrong", "invalid_grant"),
    ],
)
def test_what_is_no_consent_is_said_in_a_sentence(
    alice: PolledMailbox, pasted: str, said: str
) -> None:
    done = alice.command("consent", "alice", said=pasted)
    assert (done.exit_code, said in done.stderr) == (2, True)
    assert "Traceback" not in done.stderr
    assert not alice.redis.exists(CONSENTS)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((503, BAD), "cannot answer now (503)"),
        ((401, {"error": "invalid_client"}), "invalid_client; see docs/polling.md"),
        ((404, {}), "see docs/polling.md"),
    ],
)
def test_a_code_that_was_not_exchanged_is_good_yet(
    alice: PolledMailbox,
    gateway: MailboxGateway,
    monkeypatch: pytest.MonkeyPatch,
    answer: tuple[int, object],
    said: str,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(gateway, "_token", lambda _: answer)
        done = alice.command("consent", "alice", said=BACK)
    assert (done.exit_code, said in done.stderr) == (2, True)
    alice.consent()


def test_without_keys_nobody_is_troubled_and_nothing_stored(
    alice: PolledMailbox, gateway: MailboxGateway
) -> None:
    alice.more["RECEIVER_SECRET_KEYS"] = ""
    done = alice.command("consent", "alice", said=BACK)
    assert (done.exit_code, done.stdout, gateway.asked) == (2, "", [])
    assert "RECEIVER_SECRET_KEYS is not set" in done.stderr
    round_ = alice.once()
    assert (round_.outcome, "RECEIVER_SECRET_KEYS" in round_.trouble) == ("unauthorised", True)


def test_without_a_consent_a_round_says_what_to_do(alice: PolledMailbox) -> None:
    done = alice.once()
    assert done.outcome == "unauthorised"
    assert "run `receiver consent alice`" in done.trouble


def test_consents_are_listed_with_their_end_and_forgotten(alice: PolledMailbox) -> None:
    assert (alice.command("consent").exit_code, alice.command("consent").stdout) == (0, "")
    alice.consent()
    (line,) = alice.command("consent").stdout.splitlines()
    assert json.loads(line)["poll"] == "alice"
    assert json.loads(line)["ends"] - json.loads(line)["given"] == 7_776_000
    alice.once()
    assert alice.redis.exists("receiver:mailbox:alice")
    assert alice.command("consent", "alice", "--forget").exit_code == 0
    assert not alice.redis.exists("receiver:mailbox:alice", "receiver:mailbox:alice:known")
    assert alice.command("consent", "alice", "--forget").exit_code == 1


def test_trouble_at_the_gateway_is_an_outcome_and_not_an_end(
    alice: PolledMailbox, gateway: MailboxGateway
) -> None:
    alice.consent()
    outcomes = {503: "unreachable", 403: "throttled", 429: "throttled", 404: "refused"}
    for status, outcome in outcomes.items():
        gateway.before = answering("/messages/index", status, {} if status == 403 else BAD)
        assert alice.once().outcome == outcome
        alice.redis.delete("receiver:mailbox:alice")
    gateway.before = lambda *_: None
    gateway.add("m1")
    assert alice.once().outcome == "messages"


def test_an_access_token_that_has_ended_is_renewed(
    alice: PolledMailbox, gateway: MailboxGateway
) -> None:
    alice.consent()
    gateway.access = "another"
    assert alice.once().outcome == "empty"
    assert gateway.refreshes == 2


@pytest.mark.parametrize("first", [True, False])
def test_a_consent_deleted_while_the_mailbox_is_read_leaves_nothing_of_it(
    alice: PolledMailbox, gateway: MailboxGateway, first: bool
) -> None:
    alice.consent()
    gateway.add("m1", "a text")
    if not first:
        assert alice.once().outcome == "messages"
        gateway.add("m2", "a text")

    def deleted(_method: str, path: str, _query: dict[str, str]) -> None:
        if path == ("/messages" if first else "/delta"):
            gateway.before = lambda *_: None
            assert alice.command("consent", "alice", "--forget").exit_code == 0

    gateway.before = deleted
    done = alice.once()
    assert done.outcome == "unauthorised"
    assert "`receiver consent alice`" in done.trouble
    assert alice.redis.keys("receiver:mailbox:*") == []


def test_a_batch_of_changes_is_remembered_for_an_hour(
    alice: PolledMailbox, gateway: MailboxGateway
) -> None:
    gateway.add("m1", "a secret")
    alice.consent()
    alice.once()
    (left,) = [
        alice.redis.ttl(key)
        for key in alice.redis.keys("receiver:flusher:*")
        if key != b"receiver:flusher:probe"
    ]
    assert 0 < left <= 3600
