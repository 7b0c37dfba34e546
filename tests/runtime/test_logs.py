"""What is logged, and what never is: traffic of every kind through real processes, searched."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from receiver.contract.records import Notification, decode_notification, decode_refusal, encode
from receiver.contract.redis_keys import INBOUND, REJECTED
from receiver.operations.ledger import Ledger
from tests.support.cases import cases
from tests.support.collector import Collector, collecting
from tests.support.consumer import Consumer, Handler, Request, consuming
from tests.support.eventually import eventually
from tests.support.running import AUTHORIZED, TOKEN, Receiver, mo
from tests.support.valkey import Valkey

WRONG = "a-token-that-nobody-knows"
SECRET = "whsec_c2VjcmV0LW9mLXRoZS1ob29rLXNlY3JldC1vZi0="
TEXT = "meet me behind the station"
UNREADABLE = (
    b'{"Message": "meet me behind the station", '
    b'"SenderAddress": ["tel:+12065550177", "tel:+12065550178"]}'
)
FILE = """
[[sink]]
name = "hook"
kind = "http"
url = "{url}"
allow = ["{netloc}"]
secrets_env = ["HOOK_SECRET"]

[[sink]]
name = "crm"
kind = "rq"
queue = "crm"
function = "consumer.handle"

[[sink]]
name = "copy"
kind = "redis-stream"
stream = "copy"
"""


class Traffic(NamedTuple):
    """What was sent, and all that can be read of it by whoever may not read messages."""

    private: set[bytes]
    answers: list[Any]
    lines: list[dict[str, Any]]
    log: bytes
    jobs: bytes
    metrics: bytes
    spans: bytes
    dead: list[str]
    refused: list[str]
    published: list[str]
    books: Ledger


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traffic]:
    directory = tmp_path_factory.mktemp("logs")
    valkey = Valkey()
    with consuming() as consumer, collecting() as collector:
        consumer.behaviour = _moody
        file = FILE.format(url=consumer.url, netloc=consumer.netloc)
        (directory / "receiver.toml").write_text(file)
        receiver = Receiver(valkey, directory, HOOK_SECRET=SECRET, RECEIVER_LOG_LEVEL="debug")
        receiver.also(RECEIVER_SPOOL_DIR=str(directory / "spool"), **collector.environ)
        try:
            yield _traffic(receiver.start(), consumer, collector)
        finally:
            receiver.stop()
            valkey.stop()


def _moody(request: Request, _: Handler) -> int:
    """Takes two of four, refuses one for good, fails at one."""
    return (204, 400, 204, 500)[int(request.headers["webhook-id"], 16) % 4]


def _traffic(receiver: Receiver, consumer: Consumer, collector: Collector) -> Traffic:
    answers = [_send(receiver, *one) for one in _requests()]
    receiver.redis.xadd(INBOUND, {"n": encode(_unreadable())})
    receiver.redis.hincrby("receiver:ledger", "accepted", 1)
    before = receiver.settled().accepted
    receiver.valkey.kill()
    answers.append(_send(receiver, "/att/sms/mo", mo(TEXT), AUTHORIZED))
    receiver.valkey.start()
    receiver.redis.close()
    receiver.redis = receiver.valkey.client()
    # What came while Redis was away is in the spool, and not in the books before it is drained.
    eventually(lambda: receiver.books().accepted == before + 1)
    books = receiver.settled()
    eventually(lambda: len({request.headers["webhook-id"] for request in consumer.requests}) > 50)
    events = receiver.events()
    eventually(lambda: receiver.redis.xlen("copy") == len(events))
    eventually(lambda: receiver.redis.llen("rq:queue:crm") == len(events))
    jobs, metrics = _jobs(receiver), receiver.get("/metrics").data
    refused: Any = receiver.redis.xrange(REJECTED)
    receiver.stop()
    log = receiver.log.read_bytes()
    return Traffic(
        private=_private(events),
        answers=answers,
        lines=[json.loads(line) for line in log.splitlines() if line.startswith(b"{")],
        log=log,
        jobs=jobs,
        metrics=metrics,
        spans="\n".join(span.raw for span in collector.spans).encode(),
        dead=_receipts_of_dead(receiver),
        refused=[decode_refusal(fields[b"r"]).receipt for _, fields in refused],
        published=[event["receiptid"] for event in events],
        books=books,
    )


def _requests() -> Iterator[tuple[str, bytes, dict[str, str]]]:
    for case in cases():
        headers = {"Authorization": f"Bearer {TOKEN}"} | dict(case.headers)
        yield f"{case.path}/{case.name.replace('/', '-')[:64]}", case.body, headers
    twice = mo(TEXT)
    for body in (twice, twice):
        yield f"/att/sms/mo?access_token={TOKEN}", body, {}
    yield "/att/sms/mo", mo(TEXT), {"Authorization": f"Bearer {WRONG}"}
    yield f"/att/sms/mo?access_token={WRONG}", mo(TEXT), {}
    yield f"/nowhere?access_token={TOKEN}", mo(TEXT), AUTHORIZED
    yield f"/att/sms/mo/Not-A-Name?access_token={TOKEN}", mo(TEXT), {}
    yield "/att/sms/mo", mo(TEXT).replace(b'"Message"', b'"Massage"'), AUTHORIZED
    yield "/att/sms/mo", mo(TEXT)[:-5], AUTHORIZED
    yield "/att/sms/mo", mo(TEXT * 20_000), AUTHORIZED
    yield "/att/sms/mo", mo(TEXT), AUTHORIZED | {"Content-Encoding": "gzip"}


def _send(receiver: Receiver, path: str, body: bytes, headers: dict[str, str]) -> Any:
    given = {"Content-Type": "application/json"} | {k.title(): v for k, v in headers.items()}
    return receiver.post(path, body, given)


def _unreadable() -> Notification:
    """What the web process would have refused: a dead letter is all that can be made of it."""
    return Notification("att.sms.mo", "default", "f" * 26 + "7", 1, "application/json", UNREADABLE)


def _private(events: list[dict[str, Any]]) -> set[bytes]:
    """Tokens, and every number and text that anybody sent."""
    found = {TOKEN, WRONG, SECRET, TEXT, "2065550177"}
    for event in events:
        data = event["data"]
        found |= {data[name] for name in ("text", "from", "to") if isinstance(data.get(name), str)}
        found |= set(re.findall(r"\d{9,}", json.dumps(data)))
    return {text.lstrip("+").encode() for text in found if len(text) > 7}


def _jobs(receiver: Receiver) -> bytes:
    """Every job that RQ knows; of those handed over to a consumer all but what is his."""
    said = b""
    for key in receiver.redis.scan_iter("rq:*"):
        if receiver.redis.type(key) == b"hash":
            fields: Any = receiver.redis.hgetall(key)
            if fields.get(b"origin") == b"crm":
                del fields[b"data"]
            said += key + b" " + repr(fields).encode() + b"\n"
    return said


def _receipts_of_dead(receiver: Receiver) -> list[str]:
    """Of those that nothing could be made of, and of those that the hook refused for good."""
    receipts = []
    for letter in receiver.dead_letters():
        if letter.notification:
            receipts.append(decode_notification(letter.notification).receipt)
        else:
            receipts.append(json.loads(letter.event)["receiptid"])
    return receipts


def test_no_number_text_or_token_is_logged_answered_measured_traced_or_in_a_job(
    traffic: Traffic,
) -> None:
    assert len(traffic.private) > 20
    refusals = b"\n".join(answer.data + repr(answer.headers).encode() for answer in traffic.answers)
    places = {
        "log": traffic.log,
        "jobs": traffic.jobs,
        "metrics": traffic.metrics,
        "spans": traffic.spans,
        "answers": refusals,
    }
    for place, said in places.items():
        assert said
        assert {text for text in traffic.private if text in said} == set(), place


def test_each_line_is_json_with_its_name_level_and_time_in_utc(traffic: Traffic) -> None:
    strange = [line for line in traffic.log.splitlines() if not line.startswith(b"{")]
    assert all(line.startswith(b"receiver web: ") for line in strange), strange
    for line in traffic.lines:
        assert line["event"]
        assert line["level"] in ("debug", "info", "warning", "error", "critical")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line["timestamp"])


def test_each_notification_has_one_line_with_its_outcome(traffic: Traffic) -> None:
    outcomes = [line for line in traffic.lines if line["event"] == "notification"]
    receipts = [line["receipt"] for line in outcomes]
    assert len(receipts) == traffic.books.accepted  # the items of a batch share their receipt
    told = {answer.headers["x-receipt-id"] for answer in traffic.answers if answer.status == 204}
    silent = [case for case in cases() if case.status == 204 and not case.events]
    assert len(told - set(receipts)) == len(silent)  # a batch of nothing, or of bad items only
    by_outcome: dict[str, set[str]] = {}
    for line in outcomes:
        by_outcome.setdefault(line["outcome"], set()).add(line["receipt"])
        assert line["listener"]
        assert line["kind"].startswith(("att.", "camara"))
        assert line["milliseconds"] >= 0
    assert by_outcome["published"] == set(traffic.published)
    assert by_outcome["duplicate"]
    assert by_outcome["dead"] == {"f" * 26 + "7"}


def test_a_receipt_leads_from_the_answer_to_what_was_refused_or_died(traffic: Traffic) -> None:
    refused = {
        answer.headers["x-receipt-id"]
        for answer in traffic.answers
        if answer.status in (400, 403, 408, 413, 415)
    }
    said = {line["receipt"] for line in traffic.lines if line["event"] == "request.refused"}
    assert refused
    assert refused <= said == set(traffic.refused)
    given_up = [line for line in traffic.lines if line["event"] == "delivery.dead"]
    assert {receipt for line in given_up for receipt in line["receipts"]} <= set(traffic.dead)
    assert "f" * 26 + "7" in traffic.dead
    delivered = [line for line in traffic.lines if line["event"] == "delivery"]
    assert {line["sink"] for line in delivered} == {"hook", "crm", "copy"}
    assert {line["receipt"] for line in delivered} == set(traffic.published)
