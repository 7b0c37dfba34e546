"""Decoding octets: in the declared character set, or in the one their content indicates."""

import codecs
import re
from encodings import cp1252
from typing import Final

from receiver.carriers.formats.charset_names import UNDECIDED, WIDE

_BOMS: Final = (
    (codecs.BOM_UTF32_LE, "utf_32_le"),
    (codecs.BOM_UTF32_BE, "utf_32_be"),
    (codecs.BOM_UTF16_LE, "utf_16_le"),
    (codecs.BOM_UTF16_BE, "utf_16_be"),
    (codecs.BOM_UTF8, "utf_8"),
)
# Where NULs are among the first four octets of a text that begins with ASCII (RFC 4627, section 3).
_NULS: Final[dict[tuple[int, ...], str]] = {
    (0, 0, 0, 1): "utf_32_be",
    (1, 0, 0, 0): "utf_32_le",
    (0, 1, 0, 1): "utf_16_be",
    (1, 0, 1, 0): "utf_16_le",
}
_WINDOWS_1252: Final = "".join(
    chr(octet) if character == "\ufffe" else character
    for octet, character in enumerate(cp1252.decoding_table)
)
"""With the five octets that it leaves undefined as the controls of Latin-1: no octet fails."""
_PAIR: Final = re.compile(rb"\xed([\xa0-\xaf][\x80-\xbf])\xed([\xb0-\xbf][\x80-\xbf])")
_HALF: Final = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
# The beginning of an emoji, a curly quote or the euro sign, cut: nobody writes that in Latin-1.
_CUT: Final = re.compile(rb"\xf0\x9f[\x80-\xbf]?(?![\x80-\xbf])|\xe2[\x80\x82](?![\x80-\xbf])")
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]").search


def body_text(body: bytes, *codecs_: str) -> str:
    """Return the text of a whole body, which begins with an ASCII character."""
    for mark, name in _BOMS:
        if body.startswith(mark):
            body = body[len(mark) :]
            return text(body) if name == "utf_8" else _wide(body, name)
    if seen := _NULS.get(tuple(min(octet, 1) for octet in body[:4])):
        return _wide(body, seen)
    return text(body, *(each for each in codecs_ if each not in WIDE))


def text(octets: bytes, *codecs_: str) -> str:
    """Return the text of any octet string: in a declared character set, in order, where all of it
    is valid; else UTF-8; else the declared one or UTF-8 with U+FFFD for what is bad, where most of
    it is valid; else windows-1252. Surrogates in UTF-8 (CESU-8) are taken for what they mean.
    """
    for name in codecs_:
        if name not in UNDECIDED or _is_wide(octets, name):
            said = strictly(octets, name)
            if said is not None:
                return said
    whole = _whole_characters(octets)
    if (said := strictly(whole, "utf_8")) is not None:
        return said
    for name in codecs_:
        said = octets.decode(name, "replace") if name not in UNDECIDED else ""
        if said and _mostly(said):
            return said
    said = whole.decode(errors="replace")
    if "cp1252" not in codecs_ and _mostly(said, whole):
        return said
    return codecs.charmap_decode(octets, "strict", _WINDOWS_1252)[0]


def strictly(octets: bytes, name: str) -> str | None:
    """Decode in one character set (a name that `codec` gave); None where the octets are invalid, or
    the name is empty.
    """
    if not name:
        return None
    if name == "cp1252":
        return codecs.charmap_decode(octets, "strict", _WINDOWS_1252)[0]
    try:
        return octets.decode(_marked(octets, name))
    except UnicodeError:
        return None


def _marked(octets: bytes, name: str) -> str:
    """Return the codec of a character set. UTF-16 and UTF-32 without a byte order mark are
    big-endian (RFC 2781, section 4.3).
    """
    if name in ("utf_16", "utf_32") and not octets.startswith(tuple(mark for mark, _ in _BOMS)):
        return f"{name}_be"
    return name


def _is_wide(octets: bytes, name: str) -> bool:
    """Return whether what is declared as UTF-16 or UTF-32 may be that: plain UTF-8 is not."""
    if name not in WIDE:
        return False
    return _CONTROL(octets) is not None or strictly(octets, "utf_8") is None


def _wide(octets: bytes, name: str) -> str:
    """Decode whole code units: an odd byte at the end is a stray, not half a character."""
    size = 2 if "16" in name else 4
    return octets[: len(octets) // size * size].decode(name, "replace")


def _whole_characters(octets: bytes) -> bytes:
    """Replace surrogates encoded one by one (CESU-8: Java, Oracle) by the characters they are."""
    if b"\xed" not in octets:
        return octets
    octets = _PAIR.sub(_joined, octets)
    return _HALF.sub(b"\xef\xbf\xbd", octets)


def _joined(pair: re.Match[bytes]) -> bytes:
    halves = pair[0].decode(errors="surrogatepass").encode("utf-16-le", "surrogatepass")
    return halves.decode("utf-16-le").encode()


def _mostly(said: str, octets: bytes = b"") -> bool:
    """Return whether a decoded text with U+FFFD in it has more characters than faults."""
    replaced = said.count("\ufffd")
    good = len(said) - len(said.encode("ascii", "ignore")) - replaced + len(_CUT.findall(octets))
    return good > 0 and good >= replaced - octets.count(b"\xef\xbf\xbd")
