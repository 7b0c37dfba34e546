"""XML to the same plain values that JSON gives, without a single entity."""

from typing import Any
from xml.parsers import expat

from receiver.carriers.callback import Rejected
from receiver.carriers.decode import MAX_DEPTH


def xml_value(text: str) -> dict[str, Any]:
    """The document as `{root: content}`; a repeated element is a list, prefixes are dropped.

    Any DOCTYPE is refused, and with it every entity of the sender's. Raises `Rejected`.
    """
    tree = _Tree()
    # The text has been decoded already: an encoding that the document declares no longer holds.
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = tree.doctype
    parser.StartElementHandler = tree.start
    parser.EndElementHandler = tree.end
    parser.CharacterDataHandler = tree.characters
    try:
        parser.Parse(text.lstrip().encode(), True)
    except expat.ExpatError as error:
        raise Rejected(f"body: not well-formed XML (line {error.lineno})") from None
    return tree.top


class _Tree:
    def __init__(self) -> None:
        self.top: dict[str, Any] = {}
        self._open: list[dict[str, Any]] = [self.top]
        self._text: list[str] = []

    def doctype(self, *_: object) -> None:
        raise Rejected("body: XML with a DOCTYPE")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) > MAX_DEPTH:
            raise Rejected("body: nested too deep")
        self._open.append({})
        self._text.clear()

    def characters(self, text: str) -> None:
        self._text.append(text)

    def end(self, name: str) -> None:
        content: Any = self._open.pop() or "".join(self._text)
        self._text.clear()
        parent, name = self._open[-1], name.rpartition(":")[2]
        if name not in parent:
            parent[name] = content
        elif type(parent[name]) is list:
            parent[name].append(content)
        else:
            parent[name] = [parent[name], content]
