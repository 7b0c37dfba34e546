"""The table of answers in docs/answers.md, on every route, over real HTTP."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from receiver.contract.redis_keys import REJECTED, TURNED_AWAY
from tests.support.answers import (
    BEARER,
    CAMARA,
    PATHS,
    PROMO,
    answering,
    ask,
    check_form,
    good,
    kept,
)
from tests.support.bare import exchange, header, request, status
from tests.support.eventually import eventually
from tests.support.running import TOKEN, Receiver


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    with answering(tmp_path_factory.mktemp("door")) as found:
        yield found


@pytest.fixture(autouse=True)
def _empty(door: Receiver) -> None:
    door.redis.delete(REJECTED)


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
