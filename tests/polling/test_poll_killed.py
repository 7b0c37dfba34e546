"""A poller killed at any step of a page loses nothing that it had written, and repeats nothing."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from receiver.polling.page_file import Asked, PageFile
from receiver.simulate.att_gateway.scenario import Gateway, Scenario
from tests.support.att_gateways import SimulatedGateway, gateway
from tests.support.dying_poll import patched
from tests.support.polling import Polled, configured
from tests.support.valkey import Valkey

TEXTS = [f"text {number}" for number in range(8)]


class Died(BaseException):
    """In the place of SIGKILL, which takes longer: what is on the disk and in Redis is the same."""


def die() -> NoReturn:
    raise Died


@pytest.fixture
def double() -> Iterator[SimulatedGateway]:
    with gateway(Scenario(gateway=Gateway(page_size=4))) as found:
        yield found


@pytest.fixture
def polled(valkey: Valkey, tmp_path: Path, double: SimulatedGateway) -> Polled:
    for text in TEXTS:
        double.control("mo", text=text)
    return Polled(valkey, tmp_path, configured(double.url, "every = 10"))


@pytest.mark.parametrize(
    ("point", "lost"),
    [
        ("before stream", 0),
        ("after head", 4),
        ("after body", 0),
        ("before append", 0),
        ("after append", 0),
        ("before count", 0),
        ("after count", 0),
        ("before remove", 0),
        ("after remove", 0),
    ],
)
def test_dead_at_a_step_the_next_one_goes_on(
    polled: Polled, monkeypatch: pytest.MonkeyPatch, point: str, lost: int
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(*patched(point, die))
        with pytest.raises(Died):
            polled.once()
    polled.once()
    assert sorted(polled.texts()) == TEXTS[lost:]
    assert polled.pages() == []
    risky = {"before stream": 1, "after head": 1}.get(point, 0)
    assert polled.outcomes() == {
        name: count for name, count in (("messages", 2 - bool(lost)), ("at_risk", risky)) if count
    }
    assert polled.state()["messages"] == str(8 - lost)


def test_killed_within_a_body_what_was_written_comes_out(
    polled: Polled, double: SimulatedGateway
) -> None:
    double.control("faults", effect="drip", route="inbox", seconds=0.5)
    with contextlib.closing(polled.started()) as pollers:
        assert pollers.live("in body")[0] == -9
    (page,) = polled.pages()
    assert (polled.directory / "pages" / page).stat().st_size == 1024 * 1024
    polled.once()
    texts = polled.texts()
    assert texts[0] == "text 0"
    assert texts[-4:] == TEXTS[4:]
    assert len(texts) == len(set(texts)) < 8
    (kept,) = polled.rejected()
    assert kept.body[-1:] != b"\0"
    assert polled.outcomes() == {"at_risk": 1, "messages": 1}


def test_a_page_that_was_appended_and_not_removed_changes_nothing_again(
    polled: Polled, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(*patched("before remove", die))
        with pytest.raises(Died):
            polled.once()
    (page,) = (polled.directory / "pages").glob("*.page")
    octets = page.read_bytes()
    polled.once()
    before = polled.texts(), polled.state(), len(polled.inbound())
    page.write_bytes(octets)
    polled.until(lambda: not polled.pages())
    assert (polled.texts(), len(polled.inbound())) == (before[0], before[2])
    assert polled.state()["polls:messages"] == before[1]["polls:messages"]


def test_a_page_of_another_version_and_one_without_a_good_message_are_kept_whole(
    polled: Polled,
) -> None:
    directory = polled.directory / "pages"
    bad = {"InboundSmsMessageList": {"InboundSmsMessage": [{"SenderAddress": " "}] * 1500}}
    for number, callback in enumerate(("att.sms.later", "att.sms.inbox")):
        asked = Asked("promo", callback, "promo", f"{number:027}", "/inbox/1")
        file = PageFile(directory, asked)
        file.begin(200, "application/json")
        file.write(json.dumps(bad).encode()[:-1])
        file.finish(complete=True)
        file.close()
    polled.once()
    assert [one.receipt for one in polled.rejected()] == [f"{number:027}" for number in range(2)]
    assert (polled.pages(), polled.texts()) == ([], TEXTS)


def test_a_file_that_is_no_page_is_set_aside_and_holds_up_no_other(polled: Polled) -> None:
    directory = polled.directory / "pages"
    directory.mkdir()
    (directory / f"promo-{0:027}.page").write_bytes(b"not a page")
    (directory / f"promo-{1:027}.page").write_bytes(b"\0" * 4096)
    polled.once()
    assert polled.pages() == []
    assert [path.name for path in directory.glob("*.damaged")] == [f"promo-{0:027}.damaged"]
    assert polled.texts() == TEXTS
