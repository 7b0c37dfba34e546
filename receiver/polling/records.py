"""From a page to the records that are stored of it, all in one batch.

Pure: no file, no Redis. Whatever a page holds, something is made of it or it is shown to be empty.
"""

from collections.abc import Callable

from msgspec import Struct

from receiver.carriers import BY_NAME
from receiver.carriers.carrier import Reading, RefusedItem, Rejected, Request
from receiver.contract.records import Notification, Refusal, encode
from receiver.polling.page_file import Page
from receiver.polling.rounds import Outcome


class Records(Struct, frozen=True):
    """What is stored of one page."""

    outcome: Outcome
    accepted: list[bytes] = []
    """Encoded `Notification`s."""
    refused: list[bytes] = []
    """Encoded `Refusal`s."""
    messages: int = 0
    pending: int = 0
    """How many more the gateway says it has."""
    reason: str = ""
    """Why the page is not as it should be; never a value of it."""


Judge = Callable[[Page], Records]
"""What becomes of a page that was fetched by this process. One that is found on the disk later is
for `records_of`, which knows no more than the page."""


def records_of(page: Page) -> Records:
    """Return what is stored of a page: the page itself, unparsed, and its invalid items.

    Of one that is cut or unreadable: a page of its complete items, and the whole for
    `receiver:rejected`, with the reason.
    """
    if not page.body and not page.complete:
        return Records("at_risk", reason="no byte of the answer came")
    reading, fault = _read(page, page.body)
    if reading and (page.complete or page.died):
        return _made(page, page.body, page.content_type, reading)
    reason = fault or "the answer broke off"
    whole = RefusedItem(f"page of {len(page.body)} bytes: {reason}", page.body)
    outcome: Outcome = "unreadable" if page.complete else "at_risk" if page.died else "cut"
    if reading:
        return _made(page, page.body, page.content_type, reading, whole, outcome)
    rest = _salvaged(page)
    found, _ = _read(page, rest, "application/json") if rest else (None, "")
    if rest is None or found is None:
        refused = [_refusal(page, whole)] if page.body else []
        return Records(outcome, refused=refused, reason=whole.reason)
    return _made(page, rest, "application/json", found, whole, outcome)


def notification(page: Page, body: bytes, content_type: str) -> bytes:
    """Return the record of a body that a page gave."""
    asked = page.asked
    return encode(
        Notification(
            asked.callback,
            asked.listener,
            asked.receipt,
            page.received,
            content_type,
            body,
            asked=asked.path,
        )
    )


def _read(page: Page, body: bytes, content_type: str | None = None) -> tuple[Reading | None, str]:
    kind = page.content_type if content_type is None else content_type
    try:
        return BY_NAME[page.asked.callback].read(Request(kind, (), body)), ""
    except Rejected as fault:
        return None, fault.reason
    except Exception as error:  # noqa: BLE001 - a fault of ours may not keep a page from being kept
        return None, f"reading failed: {type(error).__name__}"


def _salvaged(page: Page) -> bytes | None:
    try:
        salvage = BY_NAME[page.asked.callback].salvage
        return salvage(page.body) if salvage else None
    except Exception:  # noqa: BLE001 - the whole is kept all the same
        return None


def _made(
    page: Page,
    body: bytes,
    content_type: str,
    reading: Reading,
    whole: RefusedItem | None = None,
    outcome: Outcome | None = None,
) -> Records:
    refused = [*reading.refused, *([whole] if whole else [])]
    return Records(
        outcome or ("messages" if reading.items else "empty"),
        [notification(page, body, content_type)] if reading.accepted else [],
        [_refusal(page, item) for item in refused],
        reading.items,
        reading.pending,
        whole.reason if whole else "",
    )


def _refusal(page: Page, item: RefusedItem) -> bytes:
    asked = page.asked
    headers = [("content-type", page.content_type)] if page.content_type else []
    return encode(
        Refusal(
            asked.callback,
            asked.listener,
            asked.receipt,
            page.received,
            400,
            item.reason,
            headers,
            item.body,
        )
    )
