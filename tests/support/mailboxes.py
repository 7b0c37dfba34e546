"""A mailbox that is read into a real Redis, and what of it would come out."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from receiver.carriers import att
from receiver.carriers.carrier import Event
from receiver.contract.records import Notification
from receiver.contract.redis_keys import CONSENTS
from receiver.polling.mailbox.api import MailboxApi
from receiver.polling.mailbox.changes import Changes
from receiver.polling.mailbox.mailbox import Mailbox
from receiver.polling.mailbox.progress import Progress, ProgressStore
from receiver.runtime.redis_client import async_client
from tests.support.mailbox_gateway import MailboxGateway

CALLBACK: Final = att.MAILBOX_CHANGES


class Bearer:
    """The token of a gateway's, whatever it is at the moment."""

    def __init__(self, gateway: MailboxGateway) -> None:
        self._gateway = gateway

    async def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._gateway.access}"}

    async def renew(self, refused: dict[str, str]) -> bool:
        del refused
        return True


class Reader:
    """A poll of one mailbox. Its clock goes on by its pauses only."""

    def __init__(self, url: str, gateway: MailboxGateway, *, text: bool = False) -> None:
        self.url, self.gateway, self.text = url, gateway, text
        self.appended: list[bytes] = []
        self.clock = 1_800_000_000.0
        self.before_append: Callable[[], None] = lambda: None
        self.stopping: Callable[[], bool] = lambda: False

    def round(self) -> int:
        """One round of a process that knows nothing but what is in Redis."""
        found: int = self._run(lambda mailbox, _, api: mailbox.round(api))
        return found

    def rounds(self, count: int) -> list[int]:
        """Rounds of one process."""

        async def several(mailbox: Mailbox, _: Any, api: MailboxApi) -> list[int]:
            return [await mailbox.round(api) for _ in range(count)]

        found: list[int] = self._run(several)
        return found

    @property
    def progress(self) -> Progress:
        found: Progress = self._run(lambda _, store, __: store.read())
        return found

    @property
    def events(self) -> list[Event]:
        """What comes out: each identity once."""
        seen: dict[tuple[str, ...], Event] = {}
        for body in self.appended:
            one = Notification(CALLBACK.name, "alice", "r", 0, "application/json", body)
            for event in CALLBACK.normalise(one, ZoneInfo("UTC")):
                seen.setdefault(event.identity, event)
        return list(seen.values())

    @property
    def said(self) -> list[str]:
        """Of each event its change and message."""
        return [f"{e.type.split('.')[2]} {e.data['messageId']}" for e in self.events]

    def _run(self, act: Callable[[Mailbox, ProgressStore, MailboxApi], Any]) -> Any:
        async def run() -> Any:
            client: Any = async_client(self.url)
            await client.hset(CONSENTS, "alice", "a consent")
            store = ProgressStore(client, "alice")
            who = Bearer(self.gateway)
            api = MailboxApi("https://gateway.invalid", who, self.gateway, self.stopping)
            changes = partial(Changes, "+12065550100", self._append, text=self.text)
            mailbox = Mailbox("alice", store, changes, pause=self._pause, now=lambda: self.clock)
            try:
                return await act(mailbox, store, api)
            finally:
                await client.aclose()

        return asyncio.run(run())

    async def _append(self, bodies: list[bytes]) -> None:
        self.before_append()
        self.appended += bodies

    async def _pause(self, seconds: float) -> None:
        self.clock += seconds
