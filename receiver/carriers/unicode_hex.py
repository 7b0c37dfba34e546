"""What a text that looks like hex-coded Unicode may say.

AT&T's SMS documentation (v3, "Considerations") says: any message that uses the Unicode encoding
"must be handled by the app by converting the hexadecimal value of the body using the first byte as
the key for the encoding", and nothing more. Four readings of that sentence are tried; none is ever
put in the place of the text.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Final

_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2}){2,}").fullmatch
_BLANKS: Final = frozenset("\n\r\t\f")

# 3GPP TS 23.038 section 6.2.1, in code order; \x1b leads to the extension table of 6.2.1.1.
_GSM7: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM7_EXTENSION: Final = dict(zip("\nΛ()/<=>¡e", "\f^{}\\[~]|€", strict=True))


def candidates(text: str) -> list[dict[str, str]]:
    """What `text` may say, as `{"reading", "text"}`; empty unless it is plausibly hex.

    `A`: the first octet is a data coding scheme (TS 23.038: 00 GSM 7-bit, 03 Latin-1, 08 UCS-2).
    `B`: it is the tag of an alpha field (TS 102 221 annex A: 80, 81, 82). `C`: there is none, all
    is UTF-16, big-endian. `D`: a byte order mark.
    """
    if not _HEX(text):
        return []
    octets = bytes.fromhex(text)
    found = [(name, _plausible(reading, octets)) for name, reading in _READINGS]
    return [{"reading": name, "text": said} for name, said in found if said]


def _plausible(reading: Callable[[bytes], str | None], octets: bytes) -> str | None:
    """Every character must be assigned and printable; unassigned ones mean a wrong reading."""
    try:
        said = reading(octets)
    except (UnicodeDecodeError, IndexError, KeyError):
        return None
    if said and all(c in _BLANKS or _printable(c) for c in said):
        return said
    return None


def _printable(character: str) -> bool:
    # Cf holds the joiners that emoji and Indic scripts are written with.
    return character.isprintable() or unicodedata.category(character) in ("Cf", "Zs")


def _data_coding(octets: bytes) -> str | None:
    key, rest = octets[0], octets[1:]
    if key == 0x00:
        return _gsm7(rest)
    if key == 0x03:
        return rest.decode("latin-1")
    return rest.decode("utf-16-be") if key == 0x08 else None


def _alpha(octets: bytes) -> str | None:
    tag = octets[0]
    if tag == 0x80:
        return octets[1:].decode("utf-16-be")
    if tag == 0x81:
        return _based(octets[1], octets[2] << 7, octets[3:])
    if tag == 0x82:
        return _based(octets[1], octets[2] << 8 | octets[3], octets[4:])
    return None


def _based(length: int, base: int, octets: bytes) -> str | None:
    """TS 102 221 annex A: above 7F an offset from the base, below it a GSM 7-bit character."""
    if length != len(octets):
        return None
    return "".join(chr(base + octet - 0x80) if octet & 0x80 else _GSM7[octet] for octet in octets)


def _no_key(octets: bytes) -> str | None:
    if octets[:2] in (b"\xfe\xff", b"\xff\xfe") or not _spread(octets):
        return None
    return octets.decode("utf-16-be")


def _spread(octets: bytes) -> bool:
    """Without a key nothing but the hex itself speaks for hex. Short numbers and words (a PIN, a
    date, CAFE) do not: digits alone must be of one row, that is of one script, and two at least.
    """
    digits = octets.hex()
    if digits.isdecimal():
        return len(octets) >= 4 and len(set(octets[::2])) == 1
    return len(octets) >= 4 or not digits.isalpha()


def _marked(octets: bytes) -> str | None:
    return octets.decode("utf-16") if octets[:2] in (b"\xfe\xff", b"\xff\xfe") else None


def _gsm7(octets: bytes) -> str:
    """One septet to an octet, as short message centres hand them on."""
    said = "".join(_GSM7[octet] for octet in octets)
    return re.sub("\x1b(.)", lambda pair: _GSM7_EXTENSION[pair[1]], said, flags=re.DOTALL)


_READINGS: Final[tuple[tuple[str, Callable[[bytes], str | None]], ...]] = (
    ("A", _data_coding),
    ("B", _alpha),
    ("C", _no_key),
    ("D", _marked),
)
