"""The recorded requests under `tests/fixtures`, as values; see the README there for the format."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from receiver.carriers import CALLBACKS
from receiver.carriers.carrier import Callback, Reading, Request

FIXTURES = Path(__file__).parents[1] / "fixtures"


class Expected(msgspec.Struct, forbid_unknown_fields=True):
    type: str
    basis: str
    data: dict[str, Any]
    subject: str | None = None
    time: str | None = None


class Case(msgspec.Struct, forbid_unknown_fields=True):
    about: str
    path: str
    status: int
    headers: list[tuple[str, str]] = []
    reason: str | None = None
    events: list[Expected] = []
    refused: list[str] = []
    zone: str = "UTC"
    name: str = ""
    body: bytes = b""

    @property
    def callback(self) -> Callback:
        return next(callback for callback in CALLBACKS if callback.path == self.path)

    @property
    def reading(self) -> Reading:
        """As it is stored for a listener that keeps no texts of private mailboxes."""
        reading = self.callback.read(self.request)
        return reading.each(self.callback.private) if self.callback.private else reading

    @property
    def content_type(self) -> str:
        return next((v for name, v in self.headers if name == "content-type"), "")

    @property
    def request(self) -> Request:
        headers = [(name.encode(), value.encode("latin-1")) for name, value in self.headers]
        return Request(self.content_type, headers, self.body)


def cases(folder: Path = FIXTURES) -> Iterator[Case]:
    """All of them, in the order of their names."""
    for path in sorted(folder.glob("*/*/case.json")):
        case = msgspec.json.decode(path.read_bytes(), type=Case)
        case.name = f"{path.parent.parent.name}/{path.parent.name}"
        body = path.with_name("body")
        case.body = body.read_bytes() if body.exists() else b""
        yield case
