"""What an error answer of AT&T's or OneAPI's asks for."""

import json

import pytest

from receiver.outbound import Action, Answer
from receiver.outbound.request_error import error_code, read


def answer(status: int, code: str = "", kind: str = "ServiceException") -> Answer:
    said = {"RequestError": {kind: {"MessageId": code, "Text": "tel:+12065550100 %1"}}}
    body = json.dumps(said).encode() if code else b"<html>Service unavailable</html>"
    return Answer(status=status, headers={}, body=body)


@pytest.mark.parametrize(
    ("status", "code", "action"),
    [
        (400, "POL0001", Action.OUR_FAULT),
        (401, "POL0001", Action.RENEW),
        (401, "", Action.RENEW),
        (403, "POL0001", Action.RENEW_THEN_BACK_OFF),
        (403, "", Action.RENEW_THEN_BACK_OFF),
        (403, "POL0002", Action.STOP),
        (400, "POL0003", Action.FINAL),
        (400, "POL0013", Action.FINAL),
        (400, "SVC0001", Action.FINAL),
        (500, "SVC0001", Action.REPEAT),
        (400, "SVC0002", Action.GONE),
        (404, "SVC0002", Action.GONE),
        (400, "SVC0003", Action.GONE),
        (400, "SVC0004", Action.FINAL),
        (403, "SVC0283", Action.FINAL),
        (400, "", Action.FINAL),
        (404, "", Action.FINAL),
        (302, "", Action.FINAL),
        (503, "POL0001", Action.REPEAT),
        (408, "", Action.REPEAT),
        (429, "POL0001", Action.REPEAT),
        (502, "", Action.REPEAT),
    ],
)
def test_each_error_has_its_action(status: int, code: str, action: Action) -> None:
    kind = "PolicyException" if code.startswith("POL") else "ServiceException"
    assert read(answer(status, code, kind)).action is action


def test_an_error_is_named_by_status_and_code_and_never_by_its_text() -> None:
    assert str(read(answer(400, "SVC0002"))) == "400 SVC0002"
    assert str(read(answer(503))) == "503"


@pytest.mark.parametrize(
    "body",
    [
        b'{"requestError": {"serviceException": {"messageId": "SVC0002", "text": "t",'
        b' "variables": ["a", "b"]}}}',
        b'{"RequestError": {"ServiceException": {"MessageId": " SVC0002 ", "Variables": "a"}}}',
        b'{"serviceException": {"messageId": "SVC0002"}}',
        b'<?xml version="1.0"?><c:requestError xmlns:c="urn:oma:xml:rest:netapi:common:1">'
        b"<serviceException><messageId>SVC0002</messageId><text>t</text></serviceException>"
        b"</c:requestError>",
    ],
)
def test_the_code_is_found_in_any_case_and_in_xml(body: bytes) -> None:
    assert error_code(body) == "SVC0002"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{" * 50_000,
        b"[" * 50_000,
        b"\xff\xfe\x00",
        b"x" * 100_000,
        b'{"RequestError": {"ServiceException": {"MessageId": 7}}}',
        b'{"RequestError": {"ServiceException": {"MessageId": "SVC00021"}}}',
        b'{"RequestError": {"ServiceException": {"MessageId": "", "Text": "SVC0002"}}}',
    ],
)
def test_any_other_body_has_no_code(body: bytes) -> None:
    assert error_code(body) == ""
