"""Page files: private, and read back as they were written; records of other versions."""

import errno
import os
import resource
from pathlib import Path

import msgspec
import pytest

from receiver.contract.records import Notification, decode_notification, encode
from receiver.polling.page_file import Asked, PageFile, left, waiting
from tests.support.polling import REGISTRATION

ASKED = Asked("promo", "att.sms.inbox", "promo", "1" * 27, f"/inbox/{REGISTRATION}")
BODIES = [b"{}", b"", b'a\n{"status":200,"length":2}\n', b"\0\0", b"x" * 2_000_000]


@pytest.mark.parametrize("body", BODIES, ids=len)
@pytest.mark.parametrize("complete", [True, False])
def test_a_page_is_read_back_as_it_was_written(
    tmp_path: Path, body: bytes, *, complete: bool
) -> None:
    file = PageFile(tmp_path / "pages", ASKED)
    file.begin(200, "application/json")
    for start in range(0, len(body), 65_536):
        file.write(body[start : start + 65_536])
    page = file.finish(complete=complete)
    assert (page.body, page.complete, page.status) == (body, complete, 200)
    file.close()
    (path,) = waiting(tmp_path / "pages")
    with left(path) as found:
        assert found == page


def test_a_machine_that_reserves_nothing_keeps_pages_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As macOS, where these two are missing."""
    monkeypatch.delattr(os, "posix_fallocate")
    monkeypatch.delattr(os, "fdatasync")
    file = PageFile(tmp_path / "pages", ASKED)
    file.begin(200, "application/json")
    file.write(b"{}")
    page = file.finish(complete=True)
    file.close()
    with left(file.path) as found:
        assert found == page


def test_it_is_nobody_else_s_to_read_and_nobody_s_while_it_is_written(tmp_path: Path) -> None:
    file = PageFile(tmp_path / "pages", ASKED)
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert file.path.parent.stat().st_mode & 0o777 == 0o700
    with left(file.path) as found:
        assert found is None
    file.close()
    with left(file.path) as found:
        assert found is not None
        assert (found.died, found.body, found.asked) == (True, b"", ASKED)


def test_a_notification_says_what_was_asked_for_and_other_versions_read_it() -> None:
    class Before(msgspec.Struct, array_like=True):
        callback: str
        listener: str
        receipt: str
        received: int
        content_type: str
        body: bytes
        trace: str = ""
        attempt: str = ""

    old = Before("att.sms.mo", "promo", "r", 1, "", b"{}")
    assert decode_notification(msgspec.msgpack.encode(old)).asked == ""
    new = Notification("att.sms.inbox", "promo", "r", 1, "", b"{}", asked="/inbox/1")
    assert decode_notification(encode(new)) == new
    assert msgspec.msgpack.decode(encode(new), type=Before).callback == "att.sms.inbox"


@pytest.mark.parametrize("taken", [0, 10], ids=["nothing", "a part"])
def test_what_the_disk_refuses_from_the_head_on_is_kept_in_memory(
    tmp_path: Path, taken: int
) -> None:
    file = PageFile(tmp_path / "pages", ASKED)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(msgspec.json.encode(ASKED)) + 1 + taken, hard))
    try:
        file.begin(200, "application/json")
        file.write(b'{"some":')
        file.write(b'"message"}')
        page = file.finish(complete=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (page.body, page.complete, page.status) == (b'{"some":"message"}', True, 200)
    assert not file.on_disk
    file.remove()


def test_what_may_not_be_on_the_disk_is_kept_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    file = PageFile(tmp_path / "pages", ASKED)
    file.begin(200, "application/json")
    file.write(b"{}")
    assert file.on_disk
    monkeypatch.setattr(os, "fsync", failing)
    assert file.finish(complete=True).body == b"{}"
    assert not file.on_disk
    file.remove()
