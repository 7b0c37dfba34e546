"""`receiver.events.verify`: takes what Standard Webhooks' own package signs, and nothing else."""

from datetime import UTC, datetime
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook
from starlette.datastructures import Headers

from receiver.events import Unverified, verify

SECRET = "whsec_" + "c2VjcmV0LW9mLWEtdGVzdC10aGF0LWlzLWxvbmc="
OTHER = "whsec_" + "YW5vdGhlci1zZWNyZXQtb2YtYS10ZXN0LWxvbmc="
NOW = 1_764_000_000
BODY = '{"subject": "Ω"}'.encode()


def signed(body: bytes = BODY, secret: str = SECRET, at: int = NOW) -> dict[str, str]:
    moment = datetime.fromtimestamp(at, UTC)
    return {
        "webhook-id": "an-id",
        "webhook-timestamp": str(at),
        "webhook-signature": Webhook(secret).sign("an-id", moment, body.decode()),
    }


def test_what_is_signed_with_any_of_the_secrets_is_taken() -> None:
    for secret in (SECRET, OTHER):
        assert verify(signed(secret=secret), BODY, f"{OTHER} {SECRET}", now=NOW) == "an-id"
        assert verify(signed(secret=secret), BODY, [SECRET, OTHER], now=NOW) == "an-id"
    both = " ".join(signed(secret=one)["webhook-signature"] for one in (OTHER, SECRET))
    assert verify(signed() | {"webhook-signature": f"v1a,x {both}"}, BODY, SECRET, now=NOW)


def test_headers_are_taken_as_any_framework_has_them() -> None:
    shouted = {name.title(): value for name, value in signed().items()}
    message = Message()
    for name, value in shouted.items():
        message[name] = value
    for headers in (shouted, Headers(signed()), message):
        assert verify(headers, BODY, SECRET, now=NOW) == "an-id"


@pytest.mark.parametrize(("late", "tolerance", "taken"), [
    (300, 300, True), (-300, 300, True), (301, 300, False), (-301, 300, False), (61, 60, False),
    (3600, 7200, True),
])  # fmt: skip
def test_a_request_that_is_too_old_or_too_new_is_refused(
    late: int, tolerance: int, taken: bool
) -> None:
    try:
        verify(signed(), BODY, SECRET, tolerance=tolerance, now=NOW + late)
    except Unverified:
        assert not taken
    else:
        assert taken


@pytest.mark.parametrize("change", [
    {"webhook-id": "another"}, {"webhook-id": ""}, {"webhook-id": "é\ud800"},
    *({"webhook-timestamp": t} for t in ("", "x", "nan", "-1", "9" * 400, "٣", "1e9")),
    *({"webhook-signature": s} for s in (
        "", "garbage", "v1,abc", "v1,", "v1", ",", " ", "v1,é", "v1,a,b", "v9,YQ==", "v1,YQ==")),
])  # fmt: skip
def test_everything_else_is_unverified(change: dict[str, str]) -> None:
    with pytest.raises(Unverified):
        verify(signed() | change, BODY, SECRET, now=NOW)


def test_another_body_another_secret_and_no_headers_are_unverified() -> None:
    for headers, body in (({}, BODY), (signed(), b"{}"), (signed(secret=OTHER), BODY)):
        with pytest.raises(Unverified):
            verify(headers, body, SECRET, now=NOW)


@given(st.dictionaries(st.sampled_from(sorted(signed())), st.text()), st.binary())
def test_a_stranger_can_make_nothing_but_unverified(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(Unverified):
        verify(signed() | {"webhook-signature": ""} | headers, body, SECRET, now=NOW)


@pytest.mark.parametrize("secret", ["", " ", "whsec_", "whsec_é", "not base64!"])
def test_a_secret_that_is_none_is_said_at_once(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_ and base64 are wanted"):
        verify(signed(), BODY, secret, now=NOW)
