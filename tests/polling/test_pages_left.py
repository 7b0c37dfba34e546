"""Pages that an earlier process has left: one that cannot be appended holds up no other."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog

from receiver.carriers import att
from receiver.contract.redis_keys import WATCHES, poll_state
from receiver.polling import watch
from receiver.polling.page_file import SUFFIX, Asked, PageFile
from tests.support.polling import Polled
from tests.support.valkey import Valkey


@pytest.fixture
def polled(valkey: Valkey, tmp_path: Path) -> Polled:
    return Polled(valkey, tmp_path, "")


def leave(polled: Polled, poll: str, number: int, callback: str = att.INBOX.name) -> Path:
    """Leave a page with one message, as a process that was killed before it was appended."""
    message = {
        "MessageId": "msg0",
        "Message": f"text {number}",
        "SenderAddress": "tel:+12065550142",
    }
    status = {"Id": "msg0", "Address": "tel:+12065550142", "DeliveryStatus": "DeliveredToNetwork"}
    page = {
        att.INBOX.name: {"InboundSmsMessageList": {"InboundSmsMessage": [message]}},
        att.OUTBOX.name: {"DeliveryInfoList": {"DeliveryInfo": [status]}},
    }
    asked = Asked(poll, callback, poll, f"{number:027}", f"/{poll}/{number}")
    file = PageFile(polled.directory / "pages", asked)
    file.begin(200, "application/json")
    file.write(json.dumps(page[callback]).encode())
    file.finish(complete=True)
    file.close()
    return file.path


def of_another_type(polled: Polled) -> Callable[[], object]:
    polled.redis.sadd(poll_state("first"), "somebody else's")
    leave(polled, "first", 1)
    return lambda: polled.redis.delete(poll_state("first"))


def undecodable_watch(polled: Polled) -> Callable[[], object]:
    name = watch.field("first", "1")
    polled.redis.hset(WATCHES, name, "no record")
    leave(polled, "first", 1, att.OUTBOX.name)
    return lambda: polled.redis.hdel(WATCHES, name)


def unreadable_file(polled: Polled) -> Callable[[], object]:
    path = polled.directory / "pages" / f"first-{1:027}{SUFFIX}"
    path.mkdir(parents=True)
    return path.rmdir


@pytest.mark.parametrize("trouble", [of_another_type, undecodable_watch, unreadable_file])
def test_a_page_that_cannot_be_appended_holds_up_no_other(
    polled: Polled, trouble: Callable[[Polled], Callable[[], object]]
) -> None:
    mend = trouble(polled)
    (stuck,) = polled.pages()
    leave(polled, "second", 2)
    polled.until(lambda: polled.pages() == [stuck], within=30)
    assert "text 2" in [event["data"].get("text") for event in polled.events()]
    mend()
    polled.until(lambda: not polled.pages())
    events = len(polled.events())
    assert events == (1 if trouble is unreadable_file else 2)


def test_a_page_that_cannot_be_set_aside_is_a_line_now_and_then(polled: Polled) -> None:
    (polled.directory / "pages/first.damaged/full").mkdir(parents=True)
    (polled.directory / "pages/first.page").write_bytes(b"no page")
    with structlog.testing.capture_logs() as lines:
        for number in range(3):
            leave(polled, "second", number)
            polled.until(lambda: polled.pages() == ["first.page"], within=30)
    assert [one["event"] for one in lines].count("poll.page_damaged") == 1
