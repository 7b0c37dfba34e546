"""The kind `att-inbox`: messages to an offline short code, in either signature."""

from typing import Final
from urllib.parse import quote

from receiver.carriers import att
from receiver.config.polls import AttInboxPoll
from receiver.polling.rounds import GatewaySite, Kind, Round

MOST_PAGES: Final = 100
"""In one round: a gateway may say for ever that there is more."""


class Inbox(Kind):
    """One inbox. A round takes pages until nothing is pending or one is empty."""

    perishable = True

    def __init__(self, poll: AttInboxPoll, site: GatewaySite) -> None:
        self._site = site
        self._path = poll.template.format(registration=quote(poll.registration, safe=""))

    async def round(self) -> Round:
        """Fetch what is there."""
        for _ in range(MOST_PAGES):
            last = await self._site.pages.fetch(self._path, att.INBOX)
            if last.outcome != "messages" or not last.pending or self._site.stopping():
                break
        wait = last.retry_after if last.outcome in ("throttled", "unreachable") else None
        return Round(last.outcome, last.trouble, retry_after=wait)
