"""`receiver rejected`, run as an operator runs it."""

import json
import subprocess
import time
from contextlib import closing
from email.utils import formatdate
from typing import Any, TypeAlias

import msgspec
import pytest

from receiver.contract.records import Refusal, decode_refusal, encode
from receiver.contract.redis_keys import REJECTED
from receiver.operations.rejected_requests import Found, Replay
from tests.support.bare import connect, read_answer, request, status
from tests.support.commands import run
from tests.support.consumer import Handler, Request, consuming
from tests.support.eventually import eventually
from tests.support.running import TOKEN, Receiver, mo
from tests.support.valkey import Valkey

Run: TypeAlias = "subprocess.CompletedProcess[str]"
CAMARA = "/camara/notifications"
EVENT = '{"specversion": "1.0", "id": "%s", "source": "/s", "type": "x.y"}'


class Operator:
    """Types commands before this receiver."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self._directory = receiver.log.parent

    def __call__(self, *arguments: str, **environ: str) -> Run:
        more = {"REDIS_URL": self.receiver.valkey.url, "RECEIVER_TOKEN": TOKEN} | environ
        return run(self._directory, *arguments, PORT=str(self.receiver.port), **more)

    def listed(self, *arguments: str) -> list[dict[str, Any]]:
        shown = self("rejected", "list", *arguments)
        assert shown.stderr == ("" if shown.stdout else "no refused requests found\n")
        return [json.loads(line) for line in shown.stdout.splitlines()]


@pytest.fixture
def operator(receiver: Receiver) -> Operator:
    receiver.start_web()
    return Operator(receiver)


def post(receiver: Receiver, path: str, body: bytes, *headers: tuple[str, str]) -> int:
    bearer = ("authorization", f"Bearer {TOKEN}")
    with connect(receiver.port) as line:
        line.sendall(request(path, body, bearer, *headers))
        return status(read_answer(line))


def test_refused_requests_are_listed_by_what_they_have_in_common(operator: Operator) -> None:
    post(operator.receiver, "/att/sms/mo/promo", b'{"Message": "secret-text"}')
    post(operator.receiver, CAMARA, b"x", ("content-type", "text/plain"))
    assert [(one["status"], one["listener"]) for one in operator.listed()] == [
        (400, "promo"),
        (415, "default"),
    ]
    (one,) = operator.listed("--status", "400", "--listener", "promo", "--reason", "SENDERaddress")
    assert one["callback"] == "att.sms.mo"
    assert "secret-text" not in json.dumps(one)
    assert operator.listed("--newer-than", "1h", one["receipt"]) == [one]
    for nothing in (["--older-than", "1h"], ["--listener", "x"], ["--reason", "none"], ["1-1"]):
        assert operator.listed(*nothing) == []
    assert operator("rejected", "list", "--listener", "x").returncode == 0


def test_a_refused_request_is_shown_with_its_headers_and_every_byte_of_its_body(
    operator: Operator,
) -> None:
    body = b"\xff\x00{"
    post(operator.receiver, CAMARA, body, ("content-type", "application/json"), ("x-a", "b"))
    (one,) = operator.listed()
    shown = json.loads(operator("rejected", "show", one["id"]).stdout)
    assert ["x-a", "b"] in shown["headers"]
    assert "authorization" not in dict(shown["headers"])
    assert shown["body_base64"] == "/wB7"
    assert operator("rejected", "show", "1-1").returncode == 1


def test_what_can_be_taken_now_comes_out_and_the_rest_stays(operator: Operator) -> None:
    receiver = operator.receiver
    receiver.start_worker()
    added = operator("credentials", "add", "--listener", "promo")
    bound = added.stdout.strip()
    eventually(
        lambda: (
            receiver.post("/att/sms/mo", b"{", {"Authorization": f"Bearer {bound}"}).status == 403
        )
    )
    receiver.redis.delete(REJECTED)
    text = mo("once for the wrong listener")
    assert receiver.post("/att/sms/mo", text, {"Authorization": f"Bearer {bound}"}).status == 403
    assert post(receiver, "/att/sms/mo", b"{}") == 400
    assert post(receiver, "/att/sms/mo", b"x" * 300_000) == 413

    answer = operator("rejected", "replay", "--all")
    assert answer.returncode == 1
    assert answer.stdout == '{"taken":1,"not_taken":2}\n'
    assert "would be refused again" in answer.stderr
    assert "only its beginning was kept" in answer.stderr
    assert [one["status"] for one in operator.listed()] == [400, 413]
    assert receiver.settled().published == 1
    (event,) = receiver.events()
    assert event["data"]["text"] == "once for the wrong listener"


def test_an_item_of_a_batch_is_kept_whole_and_can_be_sent_alone(operator: Operator) -> None:
    """As after a release that understands it: here the kept copy is mended by hand."""
    receiver = operator.receiver
    batch = f'[{EVENT % 1}, {{"id": "bad"}}]'.encode()
    kind = ("content-type", "application/cloudevents-batch+json")
    assert post(receiver, CAMARA, batch, kind) == 204
    entries: Any = receiver.redis.xrange(REJECTED)
    bad = decode_refusal(entries[0][1][b"r"])
    assert (bad.status, bad.body) == (400, b'{"id": "bad"}')
    mended = msgspec.structs.replace(bad, body=(EVENT % 2).encode())
    receiver.redis.delete(REJECTED)
    receiver.redis.xadd(REJECTED, {"r": encode(mended)})
    answer = operator("rejected", "replay", "--status", "400")
    assert (answer.returncode, answer.stdout) == (0, '{"taken":1,"not_taken":0}\n')
    assert receiver.books().accepted == 2
    assert receiver.redis.xlen(REJECTED) == 0


def test_a_replay_waits_as_long_as_a_date_says(operator: Operator) -> None:
    receiver = operator.receiver
    batch = f'[{EVENT % 1}, {{"id": "bad"}}]'.encode()
    kind = ("content-type", "application/cloudevents-batch+json")
    assert post(receiver, CAMARA, batch, kind) == 204
    entries: Any = receiver.redis.xrange(REJECTED)
    mended = msgspec.structs.replace(decode_refusal(entries[0][1][b"r"]), body=(EVENT % 2).encode())
    receiver.redis.delete(REJECTED)
    receiver.redis.xadd(REJECTED, {"r": encode(mended)})
    with consuming() as busy:
        said = iter([formatdate(time.time() + 1, usegmt=True), "soon"])
        asked = []

        def behaviour(_request: Request, handler: Handler) -> int | None:
            asked.append(time.monotonic())
            if not (after := next(said, "")):
                return 204
            handler.answer(429 if len(asked) == 1 else 503, retry_after=after)
            return None

        busy.behaviour = behaviour
        answer = operator("rejected", "replay", "--all", "--url", f"http://{busy.netloc}")
        assert (answer.returncode, answer.stdout) == (0, '{"taken":1,"not_taken":0}\n')
        assert len(busy.requests) == 3
        assert asked[2] - asked[1] > 0.9  # a second where it does not say how long


@pytest.mark.parametrize("status", [408, 413])
def test_what_was_kept_in_part_is_not_sent_though_that_part_can_be_read(
    valkey: Valkey, status: int
) -> None:
    refusal = Refusal("att.sms.mo", "promo", "", 0, status, "", [], mo())
    with closing(Replay(valkey.client(), "http://nobody.invalid", "token")) as replay:
        assert replay.send(Found("1-1", refusal)) == "only its beginning was kept"


@pytest.mark.parametrize("token", ["schlüssel-€-0123456789", "schlüssel-0123456789"])
def test_a_token_may_have_any_characters(receiver: Receiver, token: str) -> None:
    receiver.also(RECEIVER_BEARER_TOKENS=token)
    receiver.start()
    operator = Operator(receiver)
    sent = operator("send", "mo", "--json", RECEIVER_TOKEN=token)
    assert json.loads(sent.stdout)["status"] == 204
    simulated = operator("simulate", "--count", "2", RECEIVER_TOKEN=token)
    assert simulated.returncode == 0, simulated
    refusal = Refusal("att.sms.mo", "promo", "", 0, 403, "", [], mo())
    receiver.redis.xadd(REJECTED, {"r": encode(refusal)})
    answer = operator("rejected", "replay", "--all", RECEIVER_TOKEN=token)
    assert (answer.returncode, answer.stdout) == (0, '{"taken":1,"not_taken":0}\n')


def test_a_replay_says_what_keeps_it_from_beginning(operator: Operator) -> None:
    post(operator.receiver, "/att/sms/mo/promo", mo(), ("content-encoding", "gzip"))
    for arguments, sentence in (
        ([], "say which"),
        (["--all", "--token", "wrong"], "401: this token is not valid there"),
        (["--all", "--url", "http://127.0.0.1:1"], "http://127.0.0.1:1 cannot be reached"),
    ):
        answer = operator("rejected", "replay", *arguments)
        assert answer.returncode == 2
        assert sentence in answer.stderr
        assert "Traceback" not in answer.stderr
    assert operator("rejected", "replay", "1-1").returncode == 1
    answer = operator("rejected", "replay", "--all")
    assert (answer.returncode, answer.stdout) == (1, '{"taken":0,"not_taken":1}\n')
    assert [one["status"] for one in operator.listed()] == [415]
