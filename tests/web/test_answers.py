"""The table of answers in docs/answers.md, on every route, over real HTTP."""

import gzip
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from receiver.auth.bearer import Credential
from receiver.carriers import CALLBACKS
from receiver.contract.records import Refusal, decode_refusal
from receiver.contract.redis_keys import CREDENTIALS, REJECTED, TURNED_AWAY
from receiver.simulate.samples import build
from tests.support.bare import connect, exchange, header, read_answer, request, status
from tests.support.eventually import eventually
from tests.support.running import TOKEN, Receiver
from tests.support.valkey import Valkey

BEARER = ("authorization", f"Bearer {TOKEN}")
PROMO = "a-token-for-promo-only"
CAMARA = "/camara/notifications"
PATHS = [callback.path for callback in CALLBACKS]
SAMPLES = {
    "/att/sms/mo": "mo",
    "/att/sms/delivery-status": "delivery-status",
    "/att/messages": "inbox-added",
    CAMARA: "reachability",
}
CAP = 2000
CONFIG = """
[[listener]]
name = "default"
[[listener]]
name = "promo"
[handshake]
origins = ["events.example.com"]
rate = 120
"""


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """A web half with two listeners, a small cap and a token for `promo` only."""
    directory = tmp_path_factory.mktemp("door")
    (directory / "receiver.toml").write_text(CONFIG)
    valkey = Valkey()
    found = Receiver(valkey, directory, RECEIVER_MAX_BODY_BYTES=str(CAP))
    record = msgspec.json.encode(Credential(listener="promo"))
    found.redis.hset(CREDENTIALS, hashlib.sha256(PROMO.encode()).hexdigest(), record.decode())
    found.start_web()
    eventually(lambda: knows_the_store(found))  # a look later than it is ready, if Redis was slow
    yield found
    found.stop()
    valkey.stop()


@pytest.fixture(autouse=True)
def _empty(door: Receiver) -> None:
    door.redis.delete(REJECTED)


def good(path: str) -> tuple[bytes, tuple[str, str]]:
    sample = build(SAMPLES[path])
    return sample.body, ("content-type", sample.content_type)


def ask(door: Receiver, message: bytes) -> bytes:
    with connect(door.port) as line:
        line.sendall(message)
        return read_answer(line)


def knows_the_store(door: Receiver) -> bool:
    body, kind = good(CAMARA)
    bearer = ("authorization", f"Bearer {PROMO}")
    return status(ask(door, request(CAMARA + "/promo", body, kind, bearer))) == 204


def kept(door: Receiver) -> list[Refusal]:
    entries: Any = door.redis.xrange(REJECTED)
    return [decode_refusal(fields[b"r"]) for _, fields in entries]


def check_form(path: str, answer: bytes) -> None:
    """The carrier's own form of an error, and nothing else in it."""
    said = json.loads(answer.partition(b"\r\n\r\n")[2])
    camara = path.startswith(CAMARA)
    assert said["status"] == status(answer)
    assert set(said) == ({"status", "code", "message"} if camara else {"status", "title", "detail"})
    wanted = b"application/json" if camara else b"application/problem+json"
    assert header(answer, b"content-type") == wanted


@pytest.mark.parametrize("tail", ["", "/promo"])
@pytest.mark.parametrize("path", PATHS)
def test_a_good_request_is_answered_204_without_a_body(
    door: Receiver, path: str, tail: str
) -> None:
    body, kind = good(path)
    answer = ask(door, request(path + tail, body, kind, BEARER, ("x-correlator", "b4333c46-49c0")))
    assert status(answer) == 204
    assert answer.endswith(b"\r\n\r\n")
    assert header(answer, b"x-correlator") == b"b4333c46-49c0"
    assert len(header(answer, b"x-receipt-id") or b"") == 27


@pytest.mark.parametrize("path", PATHS)
def test_the_token_may_stand_in_the_query(door: Receiver, path: str) -> None:
    body, kind = good(path)
    answer = ask(door, request(f"{path}?access_token={TOKEN}", body, kind))
    assert status(answer) == 204
    assert header(answer, b"cache-control") == b"private"


@pytest.mark.parametrize(
    ("query", "headers", "unsaid"),
    [
        ("", [], "no credential"),
        ("", [("authorization", "")], "no credential"),
        ("", [("authorization", "Bearer")], "no credential"),
        ("", [("authorization", "Bearer ")], "no credential"),
        ("", [("authorization", f"Basic {TOKEN}")], "no credential"),
        ("", [("authorization", TOKEN)], "no credential"),
        ("", [("authorization", "Bearer wrong")], "unknown credential"),
        ("", [("authorization", f"Bearer {TOKEN} {TOKEN}")], "unknown credential"),
        ("", [("authorization", f"Bearer {TOKEN}, Bearer {TOKEN}")], "unknown credential"),
        ("", [("authorization", b"Bearer \xc3\xa4\xff")], "unknown credential"),
        ("", [("authorization", "Bearer " + "x" * 5000)], "unknown credential"),
        ("", [BEARER, ("authorization", "Bearer other")], "several credentials"),
        ("?access_token=", [], "no credential"),
        ("?access_token=wrong", [], "unknown credential"),
        (f"?access_token={TOKEN}%00", [], "unknown credential"),
        (f"?access_token={TOKEN}%0d%0aset-cookie:%20a", [], "unknown credential"),
        (f"?access_token=%20{TOKEN}", [], "unknown credential"),
        (f"?ACCESS_TOKEN={TOKEN}", [], "no credential"),
        ("?access_token=other", [BEARER], "several credentials"),
        ("?access_token=&access_token=", [("authorization", "Bearer ")], "no credential"),
        (f"?access_token={TOKEN}&access_token=other", [], "several credentials"),
    ],
)
@pytest.mark.parametrize("path", PATHS)
def test_without_one_valid_credential_the_answer_is_a_generic_401(
    door: Receiver, path: str, query: str, headers: list[tuple[str, Any]], unsaid: str
) -> None:
    body, kind = good(path)
    answer = ask(door, request(path + query, body, kind, *headers))
    assert status(answer) == 401
    assert header(answer, b"www-authenticate") == b"Bearer"
    check_form(path, answer)
    assert unsaid.encode() not in answer
    assert header(answer, b"x-receipt-id") is None
    assert kept(door) == []


def test_what_is_turned_away_is_counted_by_callback_and_reason(door: Receiver) -> None:
    """In Redis a second later, and nothing else of it anywhere."""
    wrong = ("authorization", "Bearer wrong")
    wanted = {
        b"camara.notifications no credential": request(CAMARA),
        b"att.sms.mo unknown credential": request("/att/sms/mo", b"", wrong),
        b"camara.notifications several credentials": request(CAMARA, b"", wrong, BEARER),
        b"att.sms.mo unknown listener": request("/att/sms/mo/nobody", b"", BEARER),
        b"att.sms.mo method": request("/att/sms/mo", b"", BEARER, method="PUT"),
        b"- unknown address": request("/favicon.ico", method="GET"),
    }

    def counts() -> dict[bytes, int]:
        found: Any = door.redis.hgetall(TURNED_AWAY)
        return {field: int(found.get(field, 0)) for field in wanted}

    before = eventually(counts)
    for message in wanted.values():
        ask(door, message)
    eventually(lambda: all(counts()[field] > before[field] for field in wanted))
    assert kept(door) == []


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("", [("authorization", f"bEARER   {TOKEN} ")]),
        ("", [BEARER, BEARER]),
        (f"?access_token={TOKEN}", [BEARER]),
        ("?access_token=", [BEARER]),
        ("?access_token=&access_token", [BEARER, ("authorization", "Bearer ")]),
        (f"?access_token={TOKEN}", [("authorization", "Bearer")]),
        (f"?access_token=&access_token={TOKEN}", []),
        (f"?a=b&access_token={TOKEN}&c", []),
        ("?access_token=" + "".join(f"%{ord(c):02x}" for c in TOKEN), []),
        ("", [BEARER, ("authorization", "Basic eDp5")]),
    ],
)
def test_one_token_counts_however_it_is_spelled_and_repeated(
    door: Receiver, query: str, headers: list[tuple[str, str]]
) -> None:
    body, kind = good(CAMARA)
    assert status(ask(door, request(CAMARA + query, body, kind, *headers))) == 204


@pytest.mark.parametrize("path", PATHS)
def test_a_credential_for_another_listener_is_answered_403_and_the_request_kept(
    door: Receiver, path: str
) -> None:
    body, kind = good(path)
    answer = ask(door, request(path, body, kind, ("authorization", f"Bearer {PROMO}")))
    assert status(answer) == 403
    check_form(path, answer)
    (refusal,) = kept(door)
    assert (refusal.status, refusal.body, refusal.listener) == (403, body, "default")
    assert (
        status(
            ask(door, request(path + "/promo", body, kind, ("authorization", f"Bearer {PROMO}")))
        )
        == 204
    )


@pytest.mark.parametrize("path", PATHS)
def test_an_unknown_listener_is_answered_404_and_counted(door: Receiver, path: str) -> None:
    body, kind = good(path)
    answer = ask(door, request(path + "/nobody", body, kind, BEARER))
    assert status(answer) == 404
    check_form(path, answer)


@pytest.mark.parametrize(
    "target",
    ["/", "/att", "/att/sms/mo/", "/camara/notifications/", "/att/sms/mo/promo/x", "/x?y=z"],
)
@pytest.mark.parametrize("method", ["POST", "GET", "PUT", "OPTIONS", "FROBNICATE"])
def test_an_unknown_address_is_answered_404_and_never_redirected(
    door: Receiver, target: str, method: str
) -> None:
    answer = ask(door, request(target, b"", BEARER, method=method))
    assert status(answer) in (404, 400 if method == "FROBNICATE" else 404)
    check_form("", answer)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "OPTIONS"])
@pytest.mark.parametrize("path", PATHS)
def test_another_method_is_answered_405_with_what_is_allowed(
    door: Receiver, path: str, method: str
) -> None:
    answer = exchange(door.port, request(path, b"", BEARER, method=method))
    assert status(answer) == 405
    assert header(answer, b"allow") == (b"POST, OPTIONS" if path == CAMARA else b"POST")
    if method == "HEAD" or (method == "OPTIONS" and path == CAMARA):
        assert answer.endswith(b"\r\n\r\n")
    else:
        check_form(path, answer)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_what_is_only_to_be_read_takes_get_and_head(door: Receiver, path: str) -> None:
    for method, wanted in (("GET", 200), ("HEAD", 200), ("POST", 405), ("OPTIONS", 405)):
        answer = exchange(door.port, request(path, b"", method=method))
        assert status(answer) == wanted
        if method == "GET":
            word = {"/healthz": "alive", "/readyz": "ready"}[path]
            assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == word
        if wanted == 405:
            assert set((header(answer, b"allow") or b"").split(b", ")) == {b"GET", b"HEAD"}
            check_form("", answer)


@pytest.mark.parametrize("path", PATHS)
def test_a_body_over_the_cap_is_answered_413_and_its_beginning_kept(
    door: Receiver, path: str
) -> None:
    large = b"{" + b" " * CAP + b"}"
    answers = [ask(door, request(path, large, BEARER))]
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(large), large)
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\n"
    answers.append(ask(door, head.encode() + b"transfer-encoding: chunked\r\n\r\n" + chunks))
    for answer in answers:
        assert status(answer) == 413
        check_form(path, answer)
    assert [(one.status, one.body[:2]) for one in kept(door)] == [(413, b"{ ")] * 2


def test_a_body_far_over_the_cap_is_kept_up_to_4_kib(door: Receiver) -> None:
    answer = ask(door, request(CAMARA, b"x" * 10_000, BEARER))
    assert status(answer) == 413
    assert [one.body for one in kept(door)] == [b"x" * 4096]


@pytest.mark.parametrize("path", PATHS)
def test_a_compressed_body_is_answered_415_and_kept(door: Receiver, path: str) -> None:
    body, kind = good(path)
    packed = gzip.compress(body)
    for coding in ("gzip", "GZIP", "identity, br"):
        answer = ask(door, request(path, packed, kind, BEARER, ("content-encoding", coding)))
        assert status(answer) == 415
        check_form(path, answer)
    assert [one.body for one in kept(door)] == [packed] * 3
    answer = ask(door, request(path, body, kind, BEARER, ("content-encoding", "ISO-8859-1")))
    assert status(answer) == 204


def test_a_type_that_is_neither_json_nor_cloudevents_is_answered_415_on_the_camara_route(
    door: Receiver,
) -> None:
    for kind in ("text/plain", "application/cloudevents+avro", "application/x-www-form-urlencoded"):
        answer = ask(door, request(CAMARA, b"x", BEARER, ("content-type", kind)))
        assert status(answer) == 415
        check_form(CAMARA, answer)
    assert status(ask(door, request("/att/sms/mo", good("/att/sms/mo")[0], BEARER))) == 204


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"nonsense", b"[" * 1900, b"1e999999", b'{"a": NaN}', b"null"]
)
@pytest.mark.parametrize("path", PATHS)
def test_what_the_carrier_does_not_send_is_answered_400_and_kept_whole(
    door: Receiver, path: str, body: bytes
) -> None:
    kind = ("content-type", "application/json")
    secrets = [("x-api-key", "k"), ("cookie", "c"), ("x-original-uri", "/?access_token=q")]
    answer = ask(door, request(path, body, kind, BEARER, *secrets, ("x-other", f"a{TOKEN}b")))
    assert status(answer) == 400
    check_form(path, answer)
    (refusal,) = kept(door)
    assert (refusal.status, refusal.body) == (400, body)
    assert refusal.reason
    assert dict(refusal.headers) == {
        "host": "x",
        "content-length": str(len(body)),
        "content-type": "application/json",
    }


def test_the_bad_items_of_a_batch_are_kept_with_the_good_ones(door: Receiver) -> None:
    body, _ = good(CAMARA)
    batch = b'[{"id": "x"},' + body + b"]"
    kind = ("content-type", "application/cloudevents-batch+json")
    before = door.books().accepted
    assert status(ask(door, request(CAMARA, batch, kind, BEARER))) == 204
    assert door.books().accepted == before + 1
    (refusal,) = kept(door)
    assert (refusal.status, refusal.body) == (400, b'{"id": "x"}')
    assert refusal.reason.startswith("[0].")


ORIGIN = ("webhook-request-origin", "Events.example.com")


def test_an_allowed_origin_is_granted_leave_to_send_and_needs_no_credential(door: Receiver) -> None:
    rate = ("webhook-request-rate", "5000")
    answer = ask(door, request(CAMARA + "/promo", b"", ORIGIN, rate, method="OPTIONS"))
    assert status(answer) == 200
    assert header(answer, b"webhook-allowed-origin") == b"events.example.com"
    assert header(answer, b"webhook-allowed-rate") == b"120"
    assert header(answer, b"allow") == b"POST, OPTIONS"
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "headers",
    [[], [("webhook-request-origin", "evil.example")], [ORIGIN, ("webhook-request-origin", "x")]],
)
def test_no_other_origin_is_granted_anything(
    door: Receiver, headers: list[tuple[str, str]]
) -> None:
    answer = ask(door, request(CAMARA, b"", *headers, method="OPTIONS"))
    assert status(answer) == 405
    assert header(answer, b"webhook-allowed-origin") is None


def test_a_handshake_for_an_unknown_listener_is_not_granted(door: Receiver) -> None:
    assert status(ask(door, request(CAMARA + "/nobody", b"", ORIGIN, method="OPTIONS"))) == 405


def test_a_flood_of_strangers_is_a_line_of_json_without_anything_they_said(
    door: Receiver,
) -> None:
    for number in range(50):
        ask(door, request(CAMARA, b"secret-body", ("authorization", f"Bearer guess-{number}")))
    eventually(lambda: "request.unauthenticated" in door.log.read_text())
    printed = door.log.read_text()
    assert "guess" not in printed
    assert "secret-body" not in printed
    assert TOKEN not in printed
    assert printed.count("request.unauthenticated") < 10
    assert all(type(json.loads(line)) is dict for line in printed.splitlines())
