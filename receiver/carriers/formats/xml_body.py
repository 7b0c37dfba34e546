"""XML to the same plain values that JSON gives, without expanding a single entity."""

import re
from html.entities import html5
from typing import Any, Final
from xml.parsers import expat

from receiver.carriers.carrier import Rejected
from receiver.carriers.formats.json_body import MAX_DEPTH

# What stays as it is; a reference to a character, by decimal, hex or name; what has to be escaped.
_SLIP: Final = re.compile(
    r"<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)"
    r"|&\#(?P<decimal>[0-9]{1,7});|&\#[xX](?P<hex>[0-9a-fA-F]{1,6});"
    r"|&(?:amp|lt|gt|quot|apos);|&(?P<name>[A-Za-z][A-Za-z0-9]{1,30};)"
    r"|(?P<bare>&|<(?![A-Za-z_:/!?\x80-\U0010ffff]))|(?P<raw>[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff])",
    re.DOTALL,
)
_REFERENCES: Final = re.compile(r"(?:&\#(?:[xX][0-9a-fA-F]{1,6}|[0-9]{1,7});){2,}")
_STAND_IN: Final = 0xFDD0
"""The first of 32 noncharacters, which no text has: one for each control character, none of which
XML can hold (XML 1.0, section 2.2) though a text message may.
"""
_CONTROLS: Final = {_STAND_IN + code: code for code in range(32)}
_HALVES: Final = range(0xD800, 0xE000)


def xml_value(text: str) -> dict[str, Any]:
    """Return the document as `{root: content}`; a repeated element is a list, prefixes are dropped.
    Of attributes those of a link count, an empty element with an `href` (OMA REST NetAPI Common).

    Any DOCTYPE is refused, and with it every entity of the sender's. What is not well-formed is
    tried once more with references that XML does not know taken for what they mean (a character's
    two halves, HTML's names, control characters) and what looks like none for text. Raises
    `Rejected`.
    """
    try:
        return _parsed(text)
    except expat.ExpatError as error:
        mended = _SLIP.sub(_slip, _REFERENCES.sub(_joined, text))
        if mended == text:
            raise _not_well_formed(error) from None
    try:
        return _parsed(mended)
    except expat.ExpatError as error:
        raise _not_well_formed(error) from None


def _parsed(text: str) -> dict[str, Any]:
    tree = _Tree()
    # The text has been decoded already: an encoding that the document declares no longer holds.
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = tree.doctype
    parser.StartElementHandler = tree.start
    parser.EndElementHandler = tree.end
    parser.CharacterDataHandler = tree.characters
    parser.Parse(text.lstrip().encode(), True)
    return tree.top


def _not_well_formed(error: expat.ExpatError) -> Rejected:
    return Rejected(f"body: not well-formed XML (line {error.lineno})")


def _joined(references: re.Match[str]) -> str:
    """Replace the halves of a surrogate pair, side by side, by the character that they are."""
    said = references[0].replace("&#x", "&#X").split(";")[:-1]
    units = [int(one[3:], 16) if one[2] == "X" else int(one[2:]) for one in said]
    whole: list[int] = []
    for unit in units:
        if whole and whole[-1] in _HALVES[:1024] and unit in _HALVES[1024:]:
            unit = 0x10000 + (whole.pop() - 0xD800 << 10) + unit - 0xDC00
        whole.append(unit)
    return "".join(f"&#{code};" for code in whole)


def _slip(found: re.Match[str]) -> str:
    if code := found["decimal"] or found["hex"]:
        return _character(int(code, 10 if found["decimal"] else 16))
    if name := found["name"]:
        return html5.get(name) or f"&amp;{name}"
    if bare := found["bare"]:
        return "&amp;" if bare == "&" else "&lt;"
    return _character(ord(found["raw"])) if found["raw"] else found[0]


def _character(code: int) -> str:
    if code < 32 and chr(code) not in "\t\n\r":
        return chr(_STAND_IN + code)
    if code > 0x10FFFF or code in _HALVES or code in (0xFFFE, 0xFFFF):
        return "\ufffd"
    return f"&#{code};"


class _Tree:
    def __init__(self) -> None:
        self.top: dict[str, Any] = {}
        self._open: list[dict[str, Any]] = [self.top]
        self._text: list[str] = []
        self._link: dict[str, str] = {}
        """The attributes of the element that was opened last, where they are a link's."""

    def doctype(self, *_: object) -> None:
        raise Rejected("body: XML with a DOCTYPE")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) > MAX_DEPTH:
            raise Rejected("body: nested too deep")
        self._open.append({})
        self._link = attributes if "href" in attributes else {}
        self._text.clear()

    def characters(self, text: str) -> None:
        self._text.append(text)

    def end(self, name: str) -> None:
        text = "".join(self._text).translate(_CONTROLS)
        content: Any = self._open.pop() or (text if text.strip() else self._link) or text
        self._link = {}
        self._text.clear()
        parent, name = self._open[-1], name.rpartition(":")[2]
        if name not in parent:
            parent[name] = content
        elif type(parent[name]) is list:
            parent[name].append(content)
        else:
            parent[name] = [parent[name], content]
