"""Telephone addresses, from every spelling carriers use to one."""

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
_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}").fullmatch

_SHORT_CODE: Final = re.compile(r"[0-9]{3,8}").fullmatch
_NUMBER: Final = re.compile(r"\+.+|1?[0-9]{10}", re.DOTALL).fullmatch


def normal(address: str) -> str:
    """E.164 where it is a number, a short code as it stands, anything else without its `tel:`.

    Seen at AT&T: `tel:+12071111111`, `tel%3A%2B16309700001`, `tel:` and ten digits, `52345678`.
    Whether the number is valid is not asked: carriers' own examples are not.
    """
    if address.startswith("tel:"):
        address = address[4:]
    if _NORTH_AMERICAN(address):
        return "+1" + address[-10:]
    if _SHORT_CODE(address) or (_E164(address) and not _has_trunk_prefix(address)):
        return address
    return _unusual(address) if len(address) <= 128 else address


def _has_trunk_prefix(number: str) -> bool:
    """As in +44 020…: the 0 is dialled inside the country only, and has to go."""
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


@lru_cache(maxsize=4096)
def _unusual(address: str) -> str:
    # unquote, never unquote_plus: that turns the + of +1207… into a blank.
    address = unquote(address).strip()
    if address[:4].lower() == "tel:":
        address = address[4:].strip()
    if not _NUMBER(address):
        return address
    try:
        number = phonenumbers.parse(address, "US")
    except phonenumbers.NumberParseException:
        return address
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
