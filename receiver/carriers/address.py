"""Telephone addresses, from every spelling carriers use to one."""

import re
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

import phonenumbers

# A North American number with or without its country code. phonenumbers gives the same answer, in
# thirty times the time (tests/carriers/test_address.py compares the two).
_NORTH_AMERICAN: Final = re.compile(r"(?:\+?1)?[2-9][0-9]{9}").fullmatch
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
    if _SHORT_CODE(address):
        return address
    return _unusual(address) if len(address) <= 128 else address


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
