"""Normalising telephone addresses from every spelling carriers use."""

import re
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Final
from urllib.parse import unquote

import phonenumbers

# A North American number with or without its country code, and any number that is E.164 already.
# phonenumbers gives the same answers in thirty times the time; tests/carriers/test_address.py
# compares the two.
_NORTH_AMERICAN: Final = re.compile(r"(?:\+?1)?[2-9][0-9]{9}").fullmatch
_E164: Final = re.compile(r"\+[1-9][0-9]{8,14}").fullmatch
_SHORT_CODE: Final = re.compile(r"[0-9]{3,8}").fullmatch
_SHORT_URI: Final = re.compile(r"short: *([0-9]{3,8})", re.IGNORECASE).fullmatch
"""AT&T In-App Messaging, Send Message."""
_LONGEST: Final = 256

_SIP: Final = re.compile(r"sips?:([^@;]+)(;[^@]*)?@(.*)", re.IGNORECASE | re.DOTALL).fullmatch
# RFC 3966, section 3, and what people and spreadsheets put between digits besides.
_SEPARATORS: Final = re.compile(r"[-.()\s\u00ad\u2010-\u2015\u2212\u2060]")
_DIGITS: Final = re.compile(r"\+?[0-9]{3,20}").fullmatch
_CONTEXT: Final = re.compile(r";phone-context=(\+[0-9]{1,15})(?:;|$)", re.IGNORECASE).search
_MMS: Final = re.compile(r"/TYPE=PLMN$", re.IGNORECASE)
_AS_A_FRACTION: Final = re.compile(r"(?<=[0-9]{3})\.0$")
_NATIONAL: Final = re.compile(r"1?[0-9]{10}").fullmatch
_INTERNATIONAL: Final = re.compile(r"^(?:00|011)(?=[1-9][0-9]{6,14}$)")


def normal(address: str, region: str = "US") -> str:
    """Return E.164 where an address is a number, a short code as it stands, anything else without
    its `tel:`.

    Seen at AT&T: `tel:+12071111111`, `tel%3A%2B16309700001`, `tel:` and ten digits, `52345678`.
    Whether the number is valid is not asked: carriers' own examples are not. A number without a
    country code is one of `region` (ISO 3166).
    """
    if address.startswith("tel:"):
        address = address[4:]
    if _NORTH_AMERICAN(address) and (address[0] == "+" or _is_north_american(region)):
        return "+1" + address[-10:]
    if _SHORT_CODE(address) or (_E164(address) and not _has_trunk_prefix(address)):
        return address
    return _unusual(address, region) if len(address) <= _LONGEST else address


def _has_trunk_prefix(number: str) -> bool:
    """Return whether a trunk prefix follows the country code, as in +44 020…: the 0 is dialled
    inside the country only.
    """
    for end in (2, 3, 4):
        code = int(number[1:end])
        if code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            trunk_prefix = _trunk_prefix_of(code)
            return trunk_prefix is not None and trunk_prefix(number[end:]) is not None
    return False  # no such country: nothing to be known, nothing to be done


@cache
def _trunk_prefix_of(code: int) -> Callable[[str], object] | None:
    region = phonenumbers.region_code_for_country_code(code)
    metadata = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(code, region)
    prefix = metadata and metadata.national_prefix_for_parsing
    return re.compile(prefix).match if prefix else None


@cache
def _is_north_american(region: str) -> bool:
    return phonenumbers.country_code_for_region(region) == 1


@lru_cache(maxsize=4096)
def _unusual(address: str, region: str) -> str:
    # unquote, never unquote_plus: that turns the + of +1207… into a blank.
    stripped = unquote(address).strip()
    if stripped[:4].lower() == "tel:":
        stripped = stripped[4:].strip()
    elif short := _SHORT_URI(stripped):
        return short[1]
    digits = _digits(_subscriber(stripped))
    if digits is None:
        return stripped
    if _SHORT_CODE(digits):
        return digits
    digits = _INTERNATIONAL.sub("+", digits)
    if digits[0] == "+" and _SHORT_CODE(digits[1:]):
        # Niue's numbers are of seven digits, with the country code.
        parsed = _parsed(digits, region)
        return digits if parsed and _is_possible(parsed) else digits[1:]
    found = _number(digits, region) or stripped
    # What is left behind a prefix may be a short code, or have one more prefix.
    return normal(found, region) if found[:1] == "+" and found != address else found


def _subscriber(address: str) -> str:
    """Return the number in the SIP address of a telephone (RFC 3261, section 19.1.6) or in an MMS
    address, with its parameters; anything else as it is.
    """
    if sip := _SIP(address):
        user, _, host = sip.groups()
        user = user.partition(":")[0]  # a password may stand behind it
        is_number = user[:1] == "+" or "user=phone" in host.lower()
        return user + (sip[2] or "") if is_number else address
    return _MMS.sub("", address)


def _digits(address: str) -> str | None:
    """Return a number's digits, with the + of an international one; None where it is no number.
    Parameters go (RFC 3966, and 4694 for ported numbers), a `phone-context` counts.
    """
    number, semicolon, _ = address.partition(";")
    number = _SEPARATORS.sub("", _AS_A_FRACTION.sub("", number.strip()))
    if not _DIGITS(number):
        return None
    context = _CONTEXT(address) if semicolon else None
    if context and number[0] != "+" and len(number) > 8:
        code = context[1]
        return number if number.startswith(code[1:]) and len(number) > 10 else code + number
    return number


def _number(digits: str, region: str) -> str | None:
    """Return the number in E.164; None where the digits may be anything."""
    if digits[0] == "+":
        parsed = _parsed(digits, region)
        return _e164(parsed) if parsed else digits
    if _is_north_american(region):
        parsed = _parsed(digits, region) if _NATIONAL(digits) else None
        return _e164(parsed) if parsed else None
    return _national(digits, region)


def _national(digits: str, region: str) -> str | None:
    """Return a number without + in E.164: valid in the region, else valid with a + before it,
    else of a possible length there; None otherwise.
    """
    home, abroad = _parsed(digits, region), _parsed(f"+{digits}", region)
    for parsed in (home, abroad):
        if parsed and phonenumbers.is_valid_number(parsed):
            return _e164(parsed)
    own = abroad and abroad.country_code == phonenumbers.country_code_for_region(region)
    for parsed in (home, abroad if own else None):
        if parsed and _is_possible(parsed):
            return _e164(parsed)
    return None


def _parsed(digits: str, region: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return None


def _is_possible(number: phonenumbers.PhoneNumber) -> bool:
    """Return whether its length is one of that country's numbers, dialled from anywhere."""
    reason = phonenumbers.is_possible_number_with_reason(number)
    return bool(reason == phonenumbers.ValidationResult.IS_POSSIBLE)


def _e164(number: phonenumbers.PhoneNumber) -> str:
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
