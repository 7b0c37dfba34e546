"""Octets become the text that was meant, in whatever character set it came."""

import base64
import codecs
import json
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.carriers import att, camara
from receiver.carriers.carrier import Event, Request
from receiver.carriers.formats.charset import body_text, strictly, text
from receiver.carriers.formats.charset_names import codec
from receiver.contract.records import Notification

UTC = ZoneInfo("UTC")
RUSSIAN, JAPANESE, GERMAN = "Съешь ещё этих мягких булок", "いろはにほへと", "Größe: 5 € „süß“"
NO_CHARACTER_SETS = [
    *("rot13", "rot_13", "idna", "punycode", "unicode_escape", "raw_unicode_escape", "zip", "bz2"),
    *(
        "zlib",
        "hex",
        "base64",
        "uu",
        "quopri",
        "undefined",
        "mbcs",
        "oem",
        "charmap",
        "utf-7",
        "hz",
    ),
    *(
        "string-escape",
        "unicode_internal",
        "palmos",
        "../../etc/passwd",
        "os.path",
        "x-user-defined",
    ),
    *("", "x", "-", "utf-9", "cp37", "nonsense" * 100),
]


def message(said: bytes) -> bytes:
    return b'{"Message": "%b", "SenderAddress": "tel:+12065550100"}' % said


def received(body: bytes, content_type: str = "application/json") -> Event:
    """As the web process accepts it and a worker reads it."""
    (kept,) = att.MESSAGES.read(Request(content_type, (), body)).accepted
    notification = Notification("att.sms.mo", "default", "r", 0, content_type, kept)
    (event,) = att.MESSAGES.normalise(notification, UTC)
    raw = event.raw if isinstance(event.raw, str) else msgspec.json.decode(event.raw)["Message"]
    assert event.data["text"] in raw  # both are of one reading
    return event


def heard(body: bytes, content_type: str = "application/json") -> str:
    said: str = received(body, content_type).data["text"]
    return said


@pytest.mark.parametrize(
    ("charset", "written"),
    [
        ("windows-1251", RUSSIAN), ("CP1251", RUSSIAN), ("win-1251", RUSSIAN),
        ("x-cp1251", RUSSIAN),
        ("koi8-r", RUSSIAN), ("ISO-8859-5", RUSSIAN), ("ibm866", RUSSIAN), ("Shift_JIS", JAPANESE),
        ("EUC-JP", JAPANESE), ("iso-2022-jp", JAPANESE), ("big5", "中文字"), ("GB2312", "联通"),
        ("gb18030", "联通😀"), ("euc-kr", "안녕"), ("windows-1252", GERMAN), ("utf-8", GERMAN),
        ("iso-8859-1", GERMAN), ("US-ASCII", GERMAN), ("windows-1255", "שלום"), ("tis-620", "ไทย"),
        ("ISO-8859-9", "İstanbul ğ"), ("iso-8859-15", "5 €"), ("utf-16", RUSSIAN),
        ("ucs2", RUSSIAN),
        ("utf-16le", "😀 " + RUSSIAN), ("UTF-32", RUSSIAN), ("macintosh", "Größe"),
    ],
)  # fmt: skip
def test_a_text_in_its_declared_character_set_is_that_text(charset: str, written: str) -> None:
    body = message(written.encode()).decode().encode(codec(charset))
    assert heard(body, f"application/json; charset={charset}") == written
    assert heard(body, f"text/plain;Charset = '{charset.lower()}'; x=1") == written


@pytest.mark.parametrize("name", NO_CHARACTER_SETS)
def test_what_is_no_character_set_is_never_used(name: str) -> None:
    assert codec(name) == ""
    written = "Gr\\u0041üße +AGEAYg- &xn--"
    assert heard(message(written.encode()), f"application/json; charset={name}") == (
        "Gr\u0041üße +AGEAYg- &xn--".replace("\\u0041", "A")
    )


@given(st.text(max_size=30))
def test_whatever_is_named_is_a_character_set_of_pythons_or_nothing(name: str) -> None:
    found = codec(name)
    assert not found or codecs.lookup(found)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_unicode_shows_by_itself_which_it_is(encoding: str) -> None:
    body = message(RUSSIAN.encode()).decode().encode(encoding)
    for content_type in ("", "application/json; charset=utf-8", "x/y; charset=windows-1251"):
        assert heard(body, content_type) == RUSSIAN


@given(st.integers(1, 200))
def test_a_text_cut_at_any_byte_is_the_text_before_it_and_one_replacement(length: int) -> None:
    said = (RUSSIAN + " 😀 " + JAPANESE).encode() * 2
    cut = said[: len("Съешь".encode()) + length]
    meant = cut.decode(errors="ignore")
    assert heard(message(cut)) == (meant if meant.encode() == cut else meant + "\ufffd")


@pytest.mark.parametrize(
    ("octets", "meant"),
    [
        ("Ciao è".encode() + bytes.fromhex("EDA0BDEDB880"), "Ciao è😀"),
        (b"Ciao " + bytes.fromhex("EDA0BDEDB880"), "Ciao 😀"),
        (b"cut " + bytes.fromhex("EDA0BD"), "cut \ufffd"),
        ("è già ".encode() + b"\xff tutto", "è già \ufffd tutto"),
        ("cut 😀".encode()[:-1], "cut \ufffd"),
        ("cut 😀".encode()[:-2], "cut \ufffd"),
        ("5 €".encode()[:-1], "5 \ufffd"),
        ("Привет".encode() + b"\xc0\xae", "Привет\ufffd\ufffd"),
        (b"it\x92s 5 \x80", "it\u2019s 5 €"),
        ("mangé…".encode("cp1252"), "mangé…"),
        ("habló «así»".encode("cp1252"), "habló «así»"),
        (b"\x81\x8d\x8f\x90\x9d", "\x81\x8d\x8f\x90\x9d"),
    ],
)
def test_what_is_undeclared_is_what_it_most_likely_is(octets: bytes, meant: str) -> None:
    assert heard(message(octets)) == meant
    form = b"SenderAddress=1&Message=" + b"".join(b"%%%02x" % octet for octet in octets)
    assert text(octets) == meant
    assert att.MESSAGES.read(Request("", (), form)).accepted == (form,)


def test_one_bad_byte_of_a_declared_character_set_is_one_replacement() -> None:
    body = message("Привет".encode("cp1251") + b"\x98")
    assert heard(body, "application/json; charset=windows-1251") == "Привет\ufffd"


def test_a_declared_character_set_counts_also_in_what_happens_to_be_utf_8() -> None:
    body = message("Её".encode("cp1251"))
    assert body.decode()
    assert heard(body, "application/json; charset=windows-1251") == "Её"
    documented = (
        b'{"DateTime":"","MessageId":"","Message":"%b","SenderAddress":"1","DestinationAddress":""}'
    )
    assert heard(documented % "Её".encode("cp1251"), "a/b; charset=windows-1251") == "Её"


@pytest.mark.parametrize(
    ("content_type", "octets"),
    [
        ("application/json", b'\xef\xbb\xbf{"subscriptionId": "\xc3\x9f"}'),
        ("application/json; charset=utf-16", '{"subscriptionId": "ß"}'.encode("utf-16")),
        ("application/json; charset=iso-8859-1", b'{"subscriptionId": "\xdf"}'),
        ("application/json; charset=utf-8", b'{"subscriptionId": "\xc3\x9f"}'),
        ("text/plain; charset=iso-8859-1", b"\xdf"),
        ("text/plain", b"\xc3\x9f"),
        ("text/plain; charset=unknown-8bit", b"\xc3\x9f"),
        ("text/plain; charset=utf-32", b"\xc3\x9f"),
        ("text/plain; charset=us-ascii", b"\xc3\x9f"),
        ("text/plain; charset=iso-8859-1", b"\xc3\x9f"),
    ],
)
def test_data_in_base64_say_what_they_say_as_the_body_of_binary_mode(
    content_type: str, octets: bytes
) -> None:
    event = {"specversion": "1.0", "id": "e-1", "source": "/s", "type": "com.example.probe"}
    headers = [(f"ce-{name}".encode(), value.encode()) for name, value in event.items()]
    event |= {
        "datacontenttype": content_type,
        "data_base64": base64.b64encode(octets).decode(),
    }
    structured = Request("application/cloudevents+json", (), json.dumps(event).encode())
    said = [payload(structured), payload(Request(content_type, headers, octets))]
    assert said[0] == said[1]
    assert said[0] in ("ß", {"subscriptionId": "ß"})


def payload(request: Request) -> Any:
    (body,) = camara.CALLBACK.read(request).accepted
    one = Notification(camara.CALLBACK.name, "", "r", 0, request.content_type, body)
    (event,) = camara.CALLBACK.normalise(one, UTC)
    return event.data["payload"]


@given(
    st.binary(max_size=60),
    st.sampled_from(
        ["", *sorted({codec(n) for n in ("koi8-r", "utf-16", "big5", "utf-32le", "iso-2022-kr")})]
    ),
)
def test_every_octet_string_is_a_text_that_can_be_written(octets: bytes, name: str) -> None:
    names = (name,) if name else ()
    for said in (text(octets, *names), body_text(octets, *names), strictly(octets, name) or ""):
        assert said.encode() is not None


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_what_is_utf_8_stays_what_it_is(written: str) -> None:
    assert text(written.encode()) == written
    assert text(written.encode(), "cp1252") == written


def test_a_message_is_told_alike_with_and_without_another_member() -> None:
    long = json.loads(message(b"")) | {"Message": RUSSIAN}
    assert heard(json.dumps(long, ensure_ascii=False).encode()) == RUSSIAN


def test_a_declared_character_set_that_finds_more_faults_than_characters_is_not_it() -> None:
    assert text("Größe".encode("cp1252"), "utf_8") == "Größe"
