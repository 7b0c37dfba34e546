"""The names of character sets and Python's codecs for them.

Names are looked up in a table of our own: `bytes.decode` would take any codec of Python's that is
no character set (`unicode_escape`, `idna`), import what a sender names, and remember each name.
Labels mean what they mean to browsers (WHATWG Encoding, section 4.2): Latin-1 is windows-1252.
"""

import re
from encodings.aliases import aliases
from typing import Final

from receiver.carriers.formats.text_cache import text_cache

_IS_A_CHARACTER_SET: Final = re.compile(
    r"ascii|latin_1|utf_8(_sig)?|utf_(16|32)(_[bl]e)?|cp(437|720|737|775|85[0-8]|86[0-9]|874|1125)"
    r"|cp125[0-8]|cp(932|949|950)|iso8859_[0-9]+|koi8_[rtu]|kz1048|ptcp154|tis_620|mac_[a-z0-9]+"
    r"|big5(hkscs)?|gb(2312|k|18030)|shift_jisx?[_0-9]*|euc_(kr|jp|jisx?[_0-9]+)|johab"
    r"|iso2022_(kr|jp(_[a-z0-9]+)?)"
).fullmatch
"""Of Python's codecs; the others change text to text, or are built for other ends (UTF-7, IDNA)."""
_CODECS: Final = frozenset(
    name
    for name in (*aliases.values(), "cp720", "cp737", "cp874", "koi8_t", "koi8_u", "utf_8_sig")
    if _IS_A_CHARACTER_SET(name)
)
_MORE: Final = {
    **{f"win{page}": f"cp{page}" for page in range(1250, 1259)},
    "ansi": "cp1252",
    "unicode": "utf_16",
    "ucs2": "utf_16",
    "iso10646ucs2": "utf_16",
    "csunicode": "utf_16",
    "ucs4": "utf_32",
    "utf8mb4": "utf_8",
    "iso88598i": "iso8859_8",
    "koi8": "koi8_r",
    "sjis": "cp932",
}
_MEANT: Final = {
    "ascii": "cp1252",
    "latin_1": "cp1252",
    "utf_8_sig": "utf_8",
    "iso8859_9": "cp1254",
    "iso8859_11": "cp874",
    "tis_620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
}
"""Codec -> the superset of it that whoever declares it may use."""


def _squashed(name: str) -> str:
    return "".join(filter(str.isalnum, name.lower()))


_BY_NAME: Final = {
    **{_squashed(codec): _MEANT.get(codec, codec) for codec in _CODECS},
    **{_squashed(a): _MEANT.get(c, c) for a, c in aliases.items() if c in _CODECS},
    **_MORE,
}
_CHARSET: Final = re.compile(r"""[;\s]charset\s*=\s*["']?([^\s;"',]{1,40})""", re.IGNORECASE).search
LONGEST: Final = 256
WIDE: Final = ("utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le")
UNDECIDED: Final = ("", "utf_8", "cp1252", *WIDE)
"""What is declared and does not settle what the octets are: they show it themselves."""


@text_cache(256)
def declared(content_type: str) -> str:
    """Return the codec for the `charset` of a Content-Type; empty where there is none, or an
    unknown one.
    """
    found = _CHARSET(f";{content_type}")
    return codec(found[1]) if found else ""


def shortened(content_type: str) -> str:
    """Return a Content-Type as it is stored, with `LONGEST` characters at most: of a longer one its
    media type and the character set that is `declared`.
    """
    if len(content_type) <= LONGEST:
        return content_type
    media_type = "".join(content_type.partition(";")[0].split()[:1])[: LONGEST // 2]
    charset = declared(content_type)
    return f"{media_type}; charset={charset}" if charset else media_type


def codec(name: str) -> str:
    """Return Python's name for a character set; empty for what is none."""
    squashed = _squashed(name[:40])
    return _BY_NAME.get(squashed) or _BY_NAME.get(squashed.removeprefix("x"), "")


@text_cache(256)
def decides(content_type: str) -> bool:
    """Return whether a declared character set counts even where the octets are UTF-8 too: not
    Latin-1, which much software declares without being asked, whatever it sends.
    """
    return declared(content_type) not in UNDECIDED
