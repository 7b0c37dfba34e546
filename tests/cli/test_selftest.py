"""`receiver selftest`: one message out, once, and what is heard of it."""

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from receiver.cli.selftest import command
from tests.support.commands import run, running
from tests.support.eventually import eventually
from tests.support.outboxes import Outbox, Reply, Watched, error, outbox, statuses
from tests.support.valkey import Valkey

TO = "+12065550100"
SENT, DELIVERED = (
    statuses((f"tel:{TO}", word)) for word in ("DeliveredToNetwork", "DeliveredToTerminal")
)
ONEAPI = 'signature = "oneapi"\nsender = "22627000"\n'


def taken(**response: object) -> Reply:
    return Reply(201, json.dumps({"outboundSMSResponse": response}).encode())


@pytest.fixture
def gateway() -> Iterator[Outbox]:
    with outbox() as found:
        yield found


def selftest(watched: Watched, *words: str) -> "subprocess.CompletedProcess[str]":
    """The command, while `receiver poll` and a worker run and time passes quickly."""
    done: list[subprocess.CompletedProcess[str]] = []
    over = threading.Event()

    def send() -> bool:
        words_ = ("selftest", "--to", TO, *words)
        done.append(run(watched.directory, *words_, **watched.environ))
        over.set()
        return True

    def work() -> None:
        while not over.wait(0.05):
            watched.later()
            watched.events()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        watched.poll(lambda: watched.redis.hget("receiver:poll:promo", "seen"), after=send)
    finally:
        over.set()
        worker.join()
    return done[0]


@pytest.mark.parametrize(
    ("more", "path", "response"),
    [
        ("", "/sms/v3/messaging/outbox", {"messageId": "SMS1"}),
        (
            ONEAPI,
            "/3/smsmessaging/outbound/22627000/requests",
            {"resourceReference": {"resourceURL": "http://e/3/smsmessaging/outbound/x/SMS1"}},
        ),
    ],
    ids=["att", "oneapi"],
)
def test_one_message_goes_out_and_each_event_is_printed_until_the_final_one(
    valkey: Valkey,
    gateway: Outbox,
    tmp_path: Path,
    more: str,
    path: str,
    response: dict[str, object],
) -> None:
    watched = Watched(valkey, gateway, tmp_path, more)
    gateway.sends = taken(**response)
    gateway.script["SMS1"] = [SENT, SENT, DELIVERED]
    done = selftest(watched, "--within", "50", "--text", "a private word")
    assert done.returncode == 0, done.stderr
    events = [json.loads(line)["data"] for line in done.stdout.splitlines()]
    assert [one["status"] for one in events] == ["sent", "delivered"]
    assert "message id SMS1" in done.stderr
    ((asked, body),) = gateway.sent
    assert asked == path
    message = body["outboundSMSRequest"]
    assert (message["address"], message["message"]) == (f"tel:{TO}", "a private word")
    assert message["notifyDeliveryStatus"] is False
    assert "5550100" not in done.stderr
    assert "private" not in done.stderr


def test_without_a_final_status_in_time_it_ends_with_1(
    valkey: Valkey, gateway: Outbox, tmp_path: Path
) -> None:
    watched = Watched(valkey, gateway, tmp_path)
    gateway.sends = taken(messageId="SMS1")
    gateway.script["SMS1"] = [SENT]
    done = selftest(watched, "--within", "3")
    assert done.returncode == 1
    assert "no final status within 3 s" in done.stderr
    assert len(gateway.sent) == 1


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (error(400, "SVC0004"), "400 SVC0004"),
        (error(503, "SVC0001"), "503 SVC0001"),
        (error(401, "POL0001"), "401 POL0001"),
        (taken(messageId="SMS1")._replace(cut=5), "is not sent again"),
        (Reply(201, b"{}"), "no message id"),
    ],
    ids=["refused", "unavailable", "token", "cut", "no-id"],
)
def test_a_message_is_sent_once_whatever_the_gateway_answers(
    valkey: Valkey, gateway: Outbox, tmp_path: Path, reply: Reply, said: str
) -> None:
    watched = Watched(valkey, gateway, tmp_path)
    watched.redis.hset("receiver:poll:promo", "seen", watched.now() // 1000)
    gateway.sends = reply
    done = CliRunner().invoke(command, ["--to", TO], env=watched.environ)
    assert (done.exit_code, done.stdout) == (1, "")
    assert said in done.stderr
    assert "5550100" not in done.stderr
    assert len(gateway.sent) == 1


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)]
)
def test_ended_while_it_sends_it_says_that_the_message_may_be_out(
    valkey: Valkey, gateway: Outbox, tmp_path: Path, number: int, code: int
) -> None:
    watched = Watched(valkey, gateway, tmp_path)
    watched.redis.hset("receiver:poll:promo", "seen", watched.now() // 1000)
    gateway.sends = taken(messageId="SMS1")._replace(once=threading.Event())
    with running(tmp_path, "selftest", "--to", TO, **watched.environ) as process:
        eventually(lambda: gateway.sent)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (code, "")
    assert err == "receiver: whether the message was sent is unknown, and it is not sent again\n"


def test_where_nobody_polls_nothing_is_sent(
    valkey: Valkey, gateway: Outbox, tmp_path: Path
) -> None:
    watched = Watched(valkey, gateway, tmp_path)
    done = CliRunner().invoke(command, ["--to", TO], env=watched.environ)
    assert done.exit_code == 2
    assert "nothing was sent" in done.stderr
    assert gateway.sent == []
    number = CliRunner().invoke(command, ["--to", "12065550100"], env=watched.environ)
    assert number.exit_code == 2
    assert "5550100" not in number.stderr.replace("+12065550100 is wanted", "")


def test_a_sign_of_life_that_is_no_number_is_none(
    valkey: Valkey, gateway: Outbox, tmp_path: Path
) -> None:
    watched = Watched(valkey, gateway, tmp_path)
    watched.redis.hset("receiver:poll:promo", "seen", "yesterday")
    done = CliRunner().invoke(command, ["--to", TO], env=watched.environ)
    assert (done.exit_code, gateway.sent) == (2, [])
