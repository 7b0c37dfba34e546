"""The processes of a history: those that append, and those that publish."""

from typing import Any

from receiver.config.settings import Settings
from receiver.intake import inbound_writer
from receiver.intake.inbound_writer import Batch, Inbound
from workers.normalise.job import Normaliser


class Link:
    """The connection of one flusher; the history says how each request ends."""

    def __init__(self, client: Any) -> None:
        self._script = client.register_script(inbound_writer.script())
        self.fate = "answered"

    async def run(self, keys: list[str], words: list[Any]) -> list[int]:
        """Run the script, or not; the caller hears of it, or not."""
        if self.fate == "request lost":
            raise TimeoutError
        reply: list[int] = self._script(keys=keys, args=words)
        if self.fate == "reply lost":
            raise TimeoutError
        return reply


class Flusher:
    """One process that appends batches."""

    def __init__(self, client: Any, name: str) -> None:
        self.name = name
        self.link: Any = Link(client)
        link: Any = self.link
        self.inbound = Inbound(link, lambda: None, lambda _: None)
        self.sent: list[Batch] = []
        self.open: list[Batch] = []
        """Those that nobody has answered."""
        self.last = 0
        """Number of the last batch that Redis has."""


class Worker:
    """One worker, and what it has read and not published."""

    def __init__(self, client: Any, name: str, settings: Settings) -> None:
        self.name = name
        self.job = Normaliser(client, name, settings, lambda: False)
        self.held: list[tuple[bytes, bytes]] = []
