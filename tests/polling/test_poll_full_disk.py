"""A disk that takes no page file: it shows before anything is removed, and nothing is lost."""

import resource
import threading
from typing import Any

import pytest
import redis

from receiver.polling.page_file import PageFile
from tests.support.att_gateways import SimulatedGateway
from tests.support.polling import Polled


def test_a_full_disk_shows_before_anything_is_removed(
    polled: Polled, double: SimulatedGateway
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))
    try:
        done = polled.once()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert done.outcome == "skipped"
    assert done.trouble == (f"no page can be kept in {polled.directory / 'pages'}: File too large")
    assert double.inbox() == {"accepted": 1, "waiting": 1}
    assert polled.pages() == []


def test_a_directory_that_cannot_be_made_is_said(polled: Polled, double: SimulatedGateway) -> None:
    (polled.directory / "pages").write_text("a file")
    done = polled.once()
    assert done.outcome == "skipped"
    assert "no page can be kept in" in done.trouble
    assert double.inbox() == {"accepted": 1, "waiting": 1}


def test_what_the_disk_refuses_within_a_page_goes_to_redis_from_memory(
    polled: Polled, double: SimulatedGateway
) -> None:
    long = "x" * 3000
    for number in range(400):
        double.control("mo", text=f"{number} {long}")
    double.control("settings", gateway={"page_size": 1000})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024 * 1024 + 10, hard))
    try:
        assert polled.once().outcome == "messages"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (len(polled.texts()), polled.pages()) == (401, [])


def test_also_when_redis_has_gone_meanwhile(
    polled: Polled, double: SimulatedGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    double.control("settings", gateway={"page_size": 1000})
    double.control("mo", text="x" * 1_100_000)
    double.control("mo", text="last")
    finish = PageFile.finish
    starting = threading.Timer(0.5, polled.valkey.start)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def going(self: PageFile, *, complete: bool) -> Any:
        monkeypatch.setattr(PageFile, "finish", finish)
        polled.valkey.kill()
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))  # it is to start again
        starting.start()
        return finish(self, complete=complete)

    monkeypatch.setattr(PageFile, "finish", going)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024 * 1024 + 10, hard))
    try:
        polled.until(lambda: _brought(polled))
    finally:
        starting.join()
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [text[:5] for text in polled.texts()] == ["hello", "xxxxx", "last"]
    assert (polled.pages(), polled.rejected()) == ([], [])


def _brought(polled: Polled) -> bool:
    try:
        return "messages" in polled.outcomes()
    except redis.RedisError:
        return False


def test_a_disk_that_takes_nothing_once_the_answer_comes_costs_no_message(
    polled: Polled, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = PageFile.begin

    def failing(self: PageFile, status: int, content_type: str) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
        try:
            begin(self, status, content_type)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    monkeypatch.setattr(PageFile, "begin", failing)
    assert polled.once().outcome == "messages"
    assert (polled.texts(), polled.pages()) == (["hello"], [])
