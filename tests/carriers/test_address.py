import phonenumbers
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from receiver.carriers.camara.device import international
from receiver.carriers.formats.phone_number import normal


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
        ("short:48507", "48507"),
        ("short%3A12345678", "12345678"),
        ("Short: 911", "911"),
        ("short:12", "short:12"),
        ("short:+48507", "short:+48507"),
        ("short:AlertCo", "short:AlertCo"),
        ("442079460000", "442079460000"),
        ("tel:206-555-0101", "+12065550101"),
        ("(206) 555.0101", "+12065550101"),
        ("206\u2011555\u20110101", "+12065550101"),
        ("tel:+1-206-555-0101;npdi;rn=+12065550000", "+12065550101"),
        ("tel:+12065550101;ext=42", "+12065550101"),
        ("tel:2065550101;phone-context=+1", "+12065550101"),
        ("tel:79460000;phone-context=+4420", "79460000"),
        ("tel:2079460000;phone-context=+44", "+442079460000"),
        ("tel:2065550101;phone-context=example.com", "+12065550101"),
        ("0012065550101", "+12065550101"),
        ("00442079460000", "+442079460000"),
        ("011442079460000", "+442079460000"),
        ("sip:+12065550101@ims.example;user=phone", "+12065550101"),
        ("sip:206-555-0101;npdi@ims.example;user=phone", "+12065550101"),
        ("sips:+12065550101:secret@ims.example", "+12065550101"),
        ("sip:alice@example.com", "sip:alice@example.com"),
        ("sip:2065550101@example.com", "sip:2065550101@example.com"),
        ("+12065550101/TYPE=PLMN", "+12065550101"),
        ("12065550101.0", "+12065550101"),
        ("tel:+87711", "87711"),
        ("tel:+52345678", "52345678"),
        ("tel:87711;phone-context=+1", "87711"),
        ("+6834000", "+6834000"),
        ("877-11", "87711"),
        ("2026-04-15T12:00:00", "2026-04-15T12:00:00"),
        ("tel:AlertCo;x=1", "AlertCo;x=1"),
        ("tel:AlertCo", "AlertCo"),
        ("+", "+"),
        ("", ""),
        ("tel:+" + "1" * 300, "+" + "1" * 300),
    ],
)
def test_every_spelling_of_an_address_comes_out_as_one(written: str, meant: str) -> None:
    assert normal(written) == meant


@pytest.mark.parametrize(
    ("written", "region", "meant"),
    [
        ("9171234567", "PH", "+639171234567"),
        ("09171234567", "PH", "+639171234567"),
        ("639171234567", "PH", "+639171234567"),
        ("tel:+639171234567", "PH", "+639171234567"),
        ("+12065550101", "PH", "+12065550101"),
        ("12065550101", "PH", "+12065550101"),
        ("21581234", "PH", "21581234"),
        ("07700900123", "GB", "+447700900123"),
        ("7700 900123", "GB", "+447700900123"),
        ("447700900123", "GB", "+447700900123"),
        ("tel:0612345678", "FR", "+33612345678"),
        ("6045550101", "CA", "+16045550101"),
        ("12345678901234567", "DE", "12345678901234567"),
        ("AlertCo", "PH", "AlertCo"),
    ],
)
def test_a_number_without_a_country_code_is_one_of_the_listeners_region(
    written: str, region: str, meant: str
) -> None:
    assert normal(written, region) == meant


def as_phonenumbers_would(number: str) -> str:
    """Take off all prefixes, of which it takes one off at a time; a short code may be left."""
    try:
        parsed = phonenumbers.parse(number, "US")
    except phonenumbers.NumberParseException:
        return number
    found = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return found if found == number or len(found) <= 9 else as_phonenumbers_would(found)


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
    assume(len(number) > 9)  # a shorter one may be a short code
    assert normal(number) == as_phonenumbers_would(number)


PIECES = st.sampled_from(
    ["tel:", "sip:", "+", "1", "206", "5550101", "00", "011", "@", ";", "user=phone", "-", "(", " ",
     ";phone-context=+", ";phone-context=", "%2B", ".0", "/TYPE=PLMN", "\0", "é", "٣", "9" * 30]
)  # fmt: skip


@given(
    st.text() | st.lists(PIECES, max_size=8).map("".join),
    st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)),
)
def test_no_address_whatever_raises(address: str, region: str) -> None:
    assert isinstance(normal(address, region), str)


@example("+0115550101")  # an international prefix behind the + is one prefix too many
@example("001115550101.0206")
@example("005550101")  # seven digits are no number of Brazil's, whether dialled with 00 or with +
@given(st.lists(PIECES, max_size=8).map("".join))
def test_an_address_that_came_out_once_comes_out_the_same_again(address: str) -> None:
    found = normal(address)
    assert not found.startswith("+") or normal(found) == found


def test_another_countrys_number_without_its_plus_stays_as_it_is_in_north_america_alone() -> None:
    assert normal("442071838750", "US") == "442071838750"
    assert normal("442071838750", "FR") == "+442071838750"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("442071838750", "+442071838750"),
        ("00442071838750", "+442071838750"),
        ("01701234567", "01701234567"),
        ("0171234567", "0171234567"),
        (2071234567, "+2071234567"),
    ],
)
def test_a_number_of_camara_is_international_unless_it_begins_with_a_zero(
    written: str | int, meant: str
) -> None:
    assert international(written) == meant
