"""Delivering one event to a web hook on this machine, and what came of it."""

import re
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from standardwebhooks import Webhook

from receiver.cli.listen.lines import Delivery, delivery
from receiver.cli.terminal.event_filter import EventHead
from receiver.runtime.blocking_http import BlockingHttp, NotConnected, Unreachable

TRY_AGAIN: Final = frozenset({408, 425, 429})
"""As the `http` sink has it (docs/consuming.md, A web hook)."""
ASK_AGAIN: Final = 0.3
"""Seconds until an address at which nobody listens is asked again."""

_SIGNABLE: Final = re.compile(r"[0-9A-Za-z_-]{1,128}").fullmatch


class Forwarding:
    """Post events to one URL, signed as the `http` sink signs them.

    While nobody listens at the URL it waits, so that a restart there costs no event; `notify` is
    called with a line for people then.
    """

    def __init__(
        self,
        url: str,
        secret: str,
        headers: Sequence[tuple[str, str]],
        http: BlockingHttp,
        notify: Callable[[str], None],
    ) -> None:
        self._url = url
        self._signer = Webhook(secret)
        self._headers = headers
        self._http = http
        self._notify = notify
        self._away = False

    def deliver(self, head: EventHead, document: bytes) -> Delivery:
        """Return how the web hook answered an event."""
        if not _SIGNABLE(head.id):
            return delivery(head, error="its id fits no header: not sent")
        while True:
            headers, began = self._signed(head, document), time.monotonic()
            try:
                answer = self._http.request("POST", self._url, headers, document)
            except NotConnected:
                self._wait()
                continue
            except Unreachable as error:
                return delivery(head, 0, _since(began), str(error), "tries it again")
            self._away = False
            return delivery(head, answer.status, _since(began), sink=meaning(answer.status))

    def _wait(self) -> None:
        if not self._away:
            self._notify("nobody listens at that address; waiting for it")
        self._away = True
        time.sleep(ASK_AGAIN)

    def _signed(self, head: EventHead, document: bytes) -> list[tuple[str, str]]:
        now = datetime.now(UTC)
        return [
            ("content-type", "application/cloudevents+json; charset=utf-8"),
            ("user-agent", "telecom-receiver"),
            ("webhook-id", head.id),
            ("webhook-timestamp", str(int(now.timestamp()))),
            ("webhook-signature", self._signer.sign(head.id, now, document.decode())),
            *self._headers,
        ]


def meaning(status: int) -> str:
    """Return what a sink does after this answer; empty after a 2xx."""
    if 200 <= status < 300:
        return ""
    if status == 410:
        return "stops"
    if status in TRY_AGAIN or status >= 500:
        return "tries it again"
    refusal = "asks once more, then makes a dead letter of it"
    return f"follows no redirect: it {refusal}" if status < 400 else refusal


def _since(began: float) -> float:
    return round((time.monotonic() - began) * 1000, 1)
