import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.carriers.address import normal


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("tel:+12075550111", "+12075550111"),
        ("tel%3A%2B12075550111", "+12075550111"),
        ("TEL:%2B12075550111", "+12075550111"),
        ("tel:2075550111", "+12075550111"),
        ("12075550111", "+12075550111"),
        (" +1 (207) 555-0111 ", "+12075550111"),
        ("+442079460000", "+442079460000"),
        ("+4402079460000", "+442079460000"),
        ("+123456789", "+123456789"),
        ("52345678", "52345678"),
        ("tel:911", "911"),
        ("442079460000", "442079460000"),
        ("tel:AlertCo", "AlertCo"),
        ("+", "+"),
        ("", ""),
        ("tel:+" + "1" * 300, "+" + "1" * 300),
    ],
)
def test_every_spelling_of_an_address_comes_out_as_one(written: str, meant: str) -> None:
    assert normal(written) == meant


def as_phonenumbers_would(number: str) -> str:
    try:
        parsed = phonenumbers.parse(number, "US")
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


@given(st.from_regex(r"(\+?1)?[2-9][0-9]{9}", fullmatch=True))
def test_north_american_numbers_come_out_as_phonenumbers_would_write_them(number: str) -> None:
    assert normal(number) == as_phonenumbers_would(number)


@given(
    st.sampled_from(sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE))
    | st.integers(min_value=1, max_value=999),
    st.from_regex(r"(0{1,2}|8|06|1)?[0-9]{3,12}", fullmatch=True),
)
def test_international_numbers_come_out_as_phonenumbers_would_write_them(
    country: int, rest: str
) -> None:
    number = f"+{country}{rest}"
    assert normal(number) == as_phonenumbers_would(number)


@given(st.text())
def test_no_address_whatever_raises(address: str) -> None:
    assert isinstance(normal(address), str)
