"""`receiver inbox`: what an operator does with a subscriber's mailbox."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_line import here
from tests.support.mailbox_gateway import BAD, BAD_TOKEN, MailboxGateway, answering, served
from tests.support.polled_mailbox import PolledMailbox
from tests.support.valkey import Valkey


@pytest.fixture
def gateway() -> MailboxGateway:
    found = MailboxGateway()
    found.add("m/1", "a secret")
    found.add("m2", "another \x1b[31msecret", isIncoming=False)
    return found


@pytest.fixture
def alice(valkey: Valkey, tmp_path: Path, gateway: MailboxGateway) -> Iterator[PolledMailbox]:
    with served(gateway) as url:
        found = PolledMailbox(valkey, tmp_path, url)
        found.consent()
        yield found


def test_messages_are_listed_without_texts_unless_asked_for(alice: PolledMailbox) -> None:
    lines = alice.command("inbox", "list", "alice").stdout.splitlines()
    found = [json.loads(line) for line in lines]
    assert [(x["messageId"], x["direction"], x["unread"]) for x in found] == [
        ("m2", "outgoing", True),
        ("m/1", "incoming", True),
    ]
    assert "secret" not in "".join(lines)
    assert "a secret" in alice.command("inbox", "list", "alice", "--text", "--offset", "1").stdout


def test_a_list_that_is_made_without_an_index_is_not_shown_as_the_mailbox(
    alice: PolledMailbox, gateway: MailboxGateway
) -> None:
    """As right after the consent, before `receiver poll` has had the index built."""
    said = {"messageList": {"messages": [], "total": 0, "cacheStatus": "NOT_INITIALIZED"}}
    gateway.before = answering("/messages", 200, said)
    done = alice.command("inbox", "list", "alice")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "the gateway has no index of the mailbox yet" in done.stderr


def test_one_message_is_shown_with_its_text(alice: PolledMailbox) -> None:
    done = alice.command("inbox", "get", "alice", "m/1")
    assert json.loads(done.stdout)["text"] == "a secret"


def test_an_attachment_goes_to_stdout_as_it_is(
    alice: PolledMailbox, gateway: MailboxGateway
) -> None:
    gateway.before = answering("/messages/m2/parts/1", 200, "bytes")
    assert alice.command("inbox", "get", "alice", "m2", "--part", "1").stdout_bytes == b'"bytes"'


def test_an_attachment_controls_no_terminal(alice: PolledMailbox, gateway: MailboxGateway) -> None:
    gateway.before = answering("/messages/m2/parts/1", 200, "\x9b\u202eh".encode())
    words = ("inbox", "get", "alice", "m2", "--part", "1")
    shown = here(alice.directory, *words, terminal=True, **alice.environ)
    assert shown.out.strip() == "\N{REPLACEMENT CHARACTER}" * 2 + "h"


def test_flags_are_set_of_one_and_of_several(alice: PolledMailbox, gateway: MailboxGateway) -> None:
    assert alice.command("inbox", "mark", "alice", "m/1", "--read", "--favorite").exit_code == 0
    assert (gateway.messages["m/1"]["isUnread"], gateway.messages["m/1"]["isFavorite"]) == (0, 1)
    assert alice.command("inbox", "mark", "alice", "m/1", "m2", "--no-favorite").exit_code == 0
    assert not any(one["isFavorite"] for one in gateway.messages.values())
    assert alice.command("inbox", "mark", "alice", "m2").exit_code == 2


def test_messages_are_deleted_once_that_is_confirmed(
    alice: PolledMailbox, gateway: MailboxGateway
) -> None:
    assert alice.command("inbox", "delete", "alice", "m2", said="n\n").exit_code == 1
    assert len(gateway.messages) == 2
    assert alice.command("inbox", "delete", "alice", "m2", "m/1", "--yes").exit_code == 0
    assert gateway.messages == {}
    listed = alice.command("inbox", "list", "alice")
    assert (listed.exit_code, listed.stderr) == (0, "there is no message\n")


def test_a_message_is_sent_once_as_the_gateway_wants_it(
    alice: PolledMailbox, gateway: MailboxGateway
) -> None:
    to = ("--to", "+12065550100", "--to", "a@example.com")
    done = alice.command("inbox", "send", "alice", *to, "--text", "-", said="On my way.")
    assert done.stdout == "trace-1\n"
    addresses = ["tel:+12065550100", "a@example.com"]
    assert gateway.sent == [{"messageRequest": {"addresses": addresses, "text": "On my way."}}]
    assert alice.command("inbox", "send", "alice", *to).exit_code == 2


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("48507", "short:48507"),
        ("short:48507", "short:48507"),
        ("911", "short:911"),
        ("12345678", "short:12345678"),
        ("2065550100", "tel:2065550100"),
        ("tel:2065550100", "tel:2065550100"),
    ],
)
def test_a_short_code_is_addressed_as_att_documents_it(
    alice: PolledMailbox, gateway: MailboxGateway, written: str, sent: str
) -> None:
    assert not alice.command("inbox", "send", "alice", "--to", written, "--text", "STOP").exit_code
    assert gateway.sent[0]["messageRequest"]["addresses"] == [sent]


@pytest.mark.parametrize(
    ("status", "document", "said"),
    [
        (404, BAD, "the gateway refused: 404 SVC0002: is there such a message?"),
        (403, BAD_TOKEN, "the gateway refused: 403 POL0001"),
        (500, {}, "the gateway refused: 500"),
        (200, {}, "the gateway's answer is none: message.messageId is missing"),
    ],
)
def test_what_the_gateway_refuses_is_said_in_a_sentence(
    alice: PolledMailbox, gateway: MailboxGateway, status: int, document: object, said: str
) -> None:
    gateway.before = answering("/messages/m2", status, document)
    done = alice.command("inbox", "get", "alice", "m2")
    assert (done.exit_code, done.stderr) == (2, f"receiver: {said}\n")


def test_without_consent_poll_or_gateway_it_says_what_to_do(
    alice: PolledMailbox, gateway: MailboxGateway
) -> None:
    assert 'is no [[poll]] of kind "att-messages"' in alice.command("inbox", "list", "bob").stderr
    alice.command("consent", "alice", "--forget")
    assert "run `receiver consent alice`" in alice.command("inbox", "list", "alice").stderr
    alice.more["ATT_APP_SECRET"] = ""
    assert "ATT_APP_SECRET is not set" in alice.command("inbox", "list", "alice").stderr


def test_what_is_changed_here_comes_out_as_an_event(
    alice: PolledMailbox, gateway: MailboxGateway
) -> None:
    alice.once()
    alice.command("inbox", "mark", "alice", "m2", "--read")
    alice.once()
    assert alice.said()[2:] == ["updated m2"]
