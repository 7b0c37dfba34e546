"""Headers of accepted notifications: kept where they are asked for, and never a credential."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from receiver.config.settings import SettingsError, load
from receiver.contract.records import Notification, decode_notification
from receiver.contract.redis_keys import INBOUND
from receiver.web.kept_headers import without_secrets
from receiver.web.request import Request
from tests.support.bare import connect, read_answer, request, status
from tests.support.bounds import soon
from tests.support.running import TOKEN, Receiver, mo
from tests.support.valkey import Valkey

PATH = "/att/sms/mo/promo"
SENT = (
    *(("user-agent", "gateway/2"), ("x-correlator", "abc"), ("x-long", "x" * 1000)),
    *(("x-original-uri", f"{PATH}?access_token={TOKEN}"), ("x-other", "not asked for")),
    *(("x-raw", f"a{TOKEN}b"), ("x-escaped", "/?t=" + "".join(f"%{ord(c):02x}" for c in TOKEN))),
    *(("x-scheme", "Basic YTpi"), ("x-claims", "eyJhbGciOiJub25lIn0.e30."), ("cookie", "c=1")),
)


def stored(valkey: Valkey, directory: Path, **environ: str) -> Notification:
    """What is stored of one accepted request with these headers."""
    receiver = Receiver(valkey, directory, **environ)
    try:
        receiver.start_web()
        bearer = ("authorization", f"Bearer {TOKEN}")
        with connect(receiver.port) as line:
            line.sendall(request(PATH, mo(), bearer, *SENT))
            assert status(read_answer(line)) == 204
        entries: Any = receiver.redis.xrange(INBOUND)
        ((_, fields),) = entries
        return decode_notification(fields[b"n"])
    finally:
        receiver.stop()


def test_none_is_kept_unless_somebody_asks(valkey: Valkey, tmp_path: Path) -> None:
    assert stored(valkey, tmp_path).headers == ()


def test_those_that_are_named_are_kept_cut_and_without_a_secret(
    valkey: Valkey, tmp_path: Path
) -> None:
    names = "User-Agent, x-correlator x-long,x-original-uri,x-raw,x-escaped,x-scheme,x-claims"
    one = stored(valkey, tmp_path, RECEIVER_KEEP_HEADERS=names)
    assert one.headers == (
        ("user-agent", "gateway/2"),
        ("x-correlator", "abc"),
        ("x-long", "x" * 256),
    )


@pytest.mark.parametrize(
    "name",
    [
        *("authorization", "Cookie", "x-api-key", "x-rapidapi-key", "x-auth-token", "x-session-id"),
        *("Ocp-Apim-Subscription-Key", "x-functions-key", "x-access-key", "api_key"),
        *("x-consumer-key", "x-hmac", "client-assertion"),
    ],
)
def test_a_name_of_a_secret_is_refused_at_the_start(name: str) -> None:
    with pytest.raises(SettingsError, match=r"RECEIVER_KEEP_HEADERS=.* may hold a secret"):
        load({"RECEIVER_KEEP_HEADERS": f"user-agent,{name}"})


@pytest.mark.parametrize(
    "names", ["*", "x-*", "user agent:", "a" * 65, "é", ",".join("abcdef" * 6)]
)
def test_what_is_no_list_of_names_is_refused_at_the_start(names: str) -> None:
    with pytest.raises(SettingsError, match="names"):
        load({"RECEIVER_KEEP_HEADERS": names})


def test_a_record_of_an_older_version_has_none() -> None:
    older: list[Any] = ["att.sms.mo", "promo", "r", 1, "", b"{}", "", "", ""]
    assert decode_notification(msgspec.msgpack.encode(older)).headers == ()


@pytest.mark.parametrize("unit", ["eyJ", "eyJ-", "eyJaaaaaaaa", "eyJ."])
def test_a_long_value_that_is_like_many_tokens_is_read_once(unit: str) -> None:
    value = unit.encode() * (1_000_000 // len(unit))
    asked = Request("POST", "promo", [(b"x-long", value)], b"", {})
    with soon():
        assert len(list(without_secrets(asked, asked.headers))) == 1


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("eyJhbGciOiJub25lIn0.", False),
        ("eyJeyJhbGciOiJub25lIn0.", False),
        ("token=-_aeyJhbGciOiJub25lIn0.e30.", False),
        ("eyJhbGciOiJub25lIn0 eyJhbGciOiJub25lIn0.e30", False),
        ("eyJeyJhbGci.", False),
        ("eyJhbGciOiJub25lIn0", True),
        ("eyJhbGciOi", True),
        ("eyJ.hbGciOiJub25lIn0.", True),
    ],
)
def test_a_json_web_token_is_found_wherever_it_stands(value: str, kept: bool) -> None:
    asked = Request("POST", "promo", [(b"x-value", value.encode())], b"", {})
    assert bool(list(without_secrets(asked, asked.headers))) == kept
