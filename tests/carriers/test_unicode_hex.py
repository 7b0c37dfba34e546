import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.carriers.formats.unicode_hex import candidates


@pytest.mark.parametrize(
    ("text", "reading", "said"),
    [
        ("0048656C6C6F", "A", "Hello"),
        ("001B65", "A", "€"),
        ("034772FCDF65", "A", "Grüße"),
        ("08041F04400438", "A", "При"),
        ("08D83DDE00", "A", "😀"),
        ("80041F04400438", "B", "При"),
        ("8103089FC0B8", "B", "При"),
        ("820304009FC0B8", "B", "При"),
        ("81030841AB42", "B", "AЫB"),
        ("041F04400438", "C", "При"),
        ("0628062A", "C", "بت"),
        ("597D", "C", "好"),
        ("D83DDE00", "C", "😀"),
        ("feff041f0440", "D", "Пр"),
        ("FFFE1F044004", "D", "Пр"),
        ("080048006900200048D83D", "A", "Hi H\ufffd"),
        ("0800480069D83DDE", "A", "Hi\ufffd"),
        ("0800480069D8", "A", "Hi\ufffd"),
        ("08DE0000480069", "A", "\ufffdHi"),
        ("80DE0000480069", "B", "\ufffdHi"),
        ("00480069D83D", "C", "Hi\ufffd"),
        ("DE00002000480069", "C", "\ufffd Hi"),
        ("FEFF00480069D83D", "D", "Hi\ufffd"),
        ("FFFE480069003DD8", "D", "Hi\ufffd"),
        ("00480069D83EDEE9", "C", "Hi\U0001fae9"),
        ("08D83FDFFD", "A", "\U0001fffd"),
        ("0645063100200628", "C", "مر ب"),
        ("0631064600200033", "C", "رن 3"),
        ("050003CC0201041F04400438", "C", "При"),
        ("08050003CC0202041F04400438", "A", "При"),
        ("060804123402010800480069", "A", "Hi"),
        ("0B0504158A00000003CC0201041F0440", "C", "Пр"),
        ("00050003CC020148656C6C6F", "A", "Hello"),
        ("0048F8FF", "C", "H\uf8ff"),
        ("08E0010048", "A", "\ue001H"),
    ],
)
def test_hex_coded_unicode_is_decoded_under_the_reading_that_fits(
    text: str, reading: str, said: str
) -> None:
    assert {"reading": reading, "text": said} in candidates(text)


@pytest.mark.parametrize(
    "text", ["", "Hello", "STOP", "1234", "471147", "20261103", "CAFE", "ABC", "041F 0440", "FFFF",
     "06450020", "20260020", "E001E002", "D83DDE", "0048D83D0069DE00FFFF"]
)  # fmt: skip
def test_ordinary_texts_have_no_candidates(text: str) -> None:
    assert candidates(text) == []


@given(st.text(alphabet="0123456789abcdefABCDEF", max_size=60))
def test_no_hex_raises_and_no_candidate_is_unprintable(text: str) -> None:
    for candidate in candidates(text):
        assert candidate["text"]
        assert "\0" not in candidate["text"]
