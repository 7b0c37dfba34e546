"""Bodies that are refused although their credential is valid: how they are answered, and kept."""

import gzip
from collections.abc import Iterator

import pytest

from receiver.contract.redis_keys import REJECTED
from tests.support.answers import (
    BEARER,
    CAMARA,
    CAP,
    PATHS,
    answering,
    ask,
    check_form,
    good,
    kept,
)
from tests.support.bare import request, status
from tests.support.running import TOKEN, Receiver


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    with answering(tmp_path_factory.mktemp("door")) as found:
        yield found


@pytest.fixture(autouse=True)
def _empty(door: Receiver) -> None:
    door.redis.delete(REJECTED)


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
    for coding in ("gzip", "GZIP", "identity, br", "x-compress"):
        answer = ask(door, request(path, packed, kind, BEARER, ("content-encoding", coding)))
        assert status(answer) == 415
        check_form(path, answer)
    assert [one.body for one in kept(door)] == [packed] * 4
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
    secrets += [("ocp-apim-subscription-key", "k"), ("x-functions-key", "k")]
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


@pytest.mark.parametrize(
    "coding", ["gzip, chunked", "identity, chunked", "gzip\r\ntransfer-encoding: chunked"]
)
@pytest.mark.parametrize("path", PATHS)
def test_a_transfer_coding_other_than_chunked_is_answered_400_and_kept(
    door: Receiver, path: str, coding: str
) -> None:
    """RFC 9112, section 6.1: who does not understand a coding cannot know what a body says."""
    body, kind = good(path)
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    head = request(path, b"", kind, BEARER, ("transfer-encoding", coding))
    head = head.replace(b"content-length: 0\r\n", b"")
    answer = ask(door, head + chunks)
    assert status(answer) == 400
    check_form(path, answer)
    (refusal,) = kept(door)
    assert (refusal.status, refusal.body) == (400, body)
    assert refusal.reason.startswith("transfer-encoding: ")
    stranger = head.replace(TOKEN.encode(), b"wrong")
    assert status(ask(door, stranger + chunks)) == 401


@pytest.mark.parametrize("coding", ["chunked", "Chunked", ", chunked"])
def test_the_coding_chunked_is_taken_however_it_is_spelled(door: Receiver, coding: str) -> None:
    body, kind = good(CAMARA)
    head = request(CAMARA, b"", kind, BEARER, ("transfer-encoding", coding))
    head = head.replace(b"content-length: 0\r\n", b"")
    assert status(ask(door, head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))) == 204
