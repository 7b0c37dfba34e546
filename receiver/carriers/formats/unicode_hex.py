"""Possible readings of a text that looks like hex-coded Unicode.

AT&T's SMS documentation (v3, "Considerations") says: any message that uses the Unicode encoding
"must be handled by the app by converting the hexadecimal value of the body using the first byte as
the key for the encoding", and nothing more. Four readings of that sentence are tried; none is ever
put in the place of the text.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Final

from receiver.events.data import DecodedText, Reading

_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2}){2,}").fullmatch
_BLANKS: Final = frozenset("\n\r\t\f")
_CUT: Final = "\ufffd"
# Of a surrogate pair: its second half or last three octets; its first half, or first one or three.
_CUT_BEGIN: Final = re.compile(rb"[\xdc-\xdf].", re.DOTALL).match
_CUT_BEGIN_ODD: Final = re.compile(rb".[\xdc-\xdf].", re.DOTALL).match
_CUT_END: Final = re.compile(rb"[\xd8-\xdb].\Z", re.DOTALL).search
_CUT_END_ODD: Final = re.compile(rb"(?:[\xd8-\xdb].)?[\xd8-\xdf]\Z", re.DOTALL).search

# 3GPP TS 23.038 section 6.2.1, in code order; \x1b leads to the extension table of 6.2.1.1.
_GSM7: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM7_EXTENSION: Final = dict(zip("\nΛ()/<=>¡e", "\f^{}\\[~]|€", strict=True))

_ELEMENTS: Final = {
    **{0x00: 3, 0x01: 2, 0x04: 2, 0x05: 4, 0x06: 1, 0x07: 1, 0x08: 4, 0x09: 3, 0x0A: 3},
    **{0x20: 1, 0x23: 1, 0x24: 1, 0x25: 1},
}
"""Information elements that a user data header has beside a text, and how long each is (3GPP TS
23.040, section 9.2.3.24): concatenation, ports, indications, languages."""


def candidates(text: str) -> list[DecodedText]:
    """Return the possible readings of `text` as `{"reading", "text"}`; empty unless it is plausibly
    hex.

    `A`: the first octet is a data coding scheme (TS 23.038: 00 GSM 7-bit, 03 Latin-1, 08 UCS-2).
    `B`: it is the tag of an alpha field (TS 102 221 annex A: 80, 81, 82). `C`: there is none, all
    is UTF-16, big-endian. `D`: a byte order mark. A user data header in front, or behind the key,
    is passed over.
    """
    if not _HEX(text):
        return []
    octets = _without_header(bytes.fromhex(text))
    found = [(name, _plausible(reading, octets)) for name, reading in _READINGS]
    return [{"reading": name, "text": said} for name, said in found if said]


def _without_header(octets: bytes) -> bytes:
    """Remove the header of a part of a long message, such as 05 00 03 CC 02 01."""
    if octets[0] in (0x00, 0x03, 0x08) and (end := _end_of_header(octets[1:])):
        return octets[:1] + octets[1 + end :]
    return octets[_end_of_header(octets) :]


def _end_of_header(octets: bytes) -> int:
    """Return where the text begins; 0 where there is no header, or nothing behind it."""
    at, end = 1, 1 + octets[0] if octets else 0
    if not 4 <= end < len(octets):
        return 0
    while at + 1 < end:
        element, length = octets[at : at + 2]
        if _ELEMENTS.get(element) != length:
            return 0
        at += 2 + length
    return end if at == end else 0


def _plausible(reading: Callable[[bytes], str | None], octets: bytes) -> str | None:
    """Return what a reading makes of the octets; None where a character of that is unassigned or
    not printable: it is the wrong reading.
    """
    try:
        said = reading(octets)
    except (UnicodeDecodeError, IndexError, KeyError):
        return None
    if said and all(c in _BLANKS or _printable(c) for c in said):
        return said
    return None


def _printable(character: str) -> bool:
    """Return whether a character may stand in a text. Cf holds the joiners of emoji and Indic
    scripts, Co the private characters of carriers, operators' logos and old emoji.
    """
    if character.isprintable() or _is_new_picture(character):
        return True
    return unicodedata.category(character) in ("Cf", "Zs", "Co")


def _is_new_picture(character: str) -> bool:
    """Return whether a character is kept free for emoji (Unicode's Extended_Pictographic) or in a
    plane of Chinese characters: both grow, so Python's tables may not have it yet.
    """
    code = ord(character)
    if code & 0xFFFE == 0xFFFE:
        return False  # a noncharacter
    return 0x1F000 <= code <= 0x1FFFD or 0x20000 <= code <= 0x3FFFD


def _utf16(octets: bytes, order: str = "be") -> str:
    """Decode UTF-16. A long text is cut without regard for characters, so a piece of one at either
    end is U+FFFD. Half a character elsewhere raises `UnicodeDecodeError`: a wrong reading.
    """
    if order == "le":
        octets = b"".join(octets[at : at + 2][::-1] for at in range(0, len(octets), 2))
    begins = _CUT_BEGIN(octets) if len(octets) % 2 == 0 else _CUT_BEGIN_ODD(octets)
    rest = octets[begins.end() :] if begins else octets
    ends = _CUT_END(rest) if len(rest) % 2 == 0 else _CUT_END_ODD(rest)
    whole = rest[: ends.start()] if ends else rest
    return _CUT * bool(begins) + whole.decode("utf-16-be") + _CUT * bool(ends)


def _data_coding(octets: bytes) -> str | None:
    key, rest = octets[0], octets[1:]
    if key == 0x00:
        return _gsm7(rest)
    if key == 0x03:
        return rest.decode("latin-1")
    return _utf16(rest) if key == 0x08 else None


def _alpha(octets: bytes) -> str | None:
    tag = octets[0]
    if tag == 0x80:
        return _utf16(octets[1:])
    if tag == 0x81:
        return _based(octets[1], octets[2] << 7, octets[3:])
    if tag == 0x82:
        return _based(octets[1], octets[2] << 8 | octets[3], octets[4:])
    return None


def _based(length: int, base: int, octets: bytes) -> str | None:
    """Decode the alphabet of TS 102 221, annex A: above 7F an offset from the base, below it a
    GSM 7-bit character.
    """
    if length != len(octets):
        return None
    return "".join(chr(base + octet - 0x80) if octet & 0x80 else _GSM7[octet] for octet in octets)


def _no_key(octets: bytes) -> str | None:
    if octets[:2] in (b"\xfe\xff", b"\xff\xfe") or not _spread(octets):
        return None
    said = _utf16(octets)
    # Nothing but halves and private characters would speak for any hex whatever.
    return said if any(c != _CUT and unicodedata.category(c) != "Co" for c in said) else None


def _spread(octets: bytes) -> bool:
    """Return whether hex without a key octet is a text. Short numbers and words (a PIN, a date,
    CAFE) are none: digits alone must be of one row, that is of one script, and two at least,
    beside blanks, digits and punctuation (row 00).
    """
    digits = octets.hex()
    if digits.isdecimal():
        rows = octets[::2]
        script = rows.replace(b"\0", b"") or rows
        neutral = all(
            0x20 <= low < 0x40 for row, low in zip(rows, octets[1::2], strict=False) if not row
        )
        return len(script) >= 2 and len(set(script)) == 1 and (neutral or script == rows)
    return len(octets) >= 4 or not digits.isalpha()


def _marked(octets: bytes) -> str | None:
    if octets[:2] == b"\xfe\xff":
        return _utf16(octets[2:])
    return _utf16(octets[2:], "le") if octets[:2] == b"\xff\xfe" else None


def _gsm7(octets: bytes) -> str:
    """Decode one septet to an octet, as short message centres hand them on."""
    said = "".join(_GSM7[octet] for octet in octets)
    return re.sub("\x1b(.)", lambda pair: _GSM7_EXTENSION[pair[1]], said, flags=re.DOTALL)


_READINGS: Final[tuple[tuple[Reading, Callable[[bytes], str | None]], ...]] = (
    ("A", _data_coding),
    ("B", _alpha),
    ("C", _no_key),
    ("D", _marked),
)
