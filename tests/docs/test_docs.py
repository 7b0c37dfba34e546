"""The documentation: every command is run, or its block says what it needs; every link leads on."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

import pytest

from receiver.carriers.carrier import Rejected, Request
from receiver.contract.records import DeadLetter, Notification, Refusal, encode
from receiver.contract.redis_keys import DEAD_LETTERS, LEDGER, REJECTED
from tests.support.commands import ROOT, environment
from tests.support.forked import server
from tests.support.pages import PAGES, blocks, snippet
from tests.support.running import TOKEN, Receiver, mo
from tests.support.valkey import Valkey

NEEDS = {"carrier", "root", "docker", "cluster", "heroku", "checkout", "terminals", "load"}
"""What a test does not have."""
RUN = [page for page in PAGES if any(one.tag == "run" for one in blocks(page))]
SINK = '[[sink]]\nname = "billing"\nkind = "redis-stream"\nstream = "billing:events"\n'


DAY = 24 * 3600 * 1000


class Operated(Receiver):
    """A receiver that has seen something: an event, a refused request, dead letters, a sink."""

    def give_past(self) -> "Operated":
        """Have what a page's commands look for, whatever those of another page did."""
        self.redis.delete(DEAD_LETTERS)  # an id of 25 days ago is none after a newer one
        now = time.time_ns() // 1_000_000
        notification = encode(Notification("att.sms.mo", "promo", "a-receipt", now, "", mo()))
        for age, reason in ((25 * DAY, "body: no sender"), (1000, "it timed out")):
            letter = encode(DeadLetter(now - age, reason, notification))
            self.letter = f"{now - age}-0"
            self.redis.xadd(DEAD_LETTERS, {"d": letter}, id=self.letter)
        refusal = Refusal("att.sms.mo", "promo", "a-receipt", now, 400, "made up", [], mo())
        self.refusal = f"{now}-0"
        self.redis.xadd(REJECTED, {"r": encode(refusal)}, id=self.refusal)
        for name, count in (("accepted", 2), ("dead", 2), ("rejected", 1)):
            self.redis.hincrby(LEDGER, name, count)
        self.receipt = self.acknowledged("/att/sms/mo/promo", mo()).headers["x-receipt-id"]
        self.settled()
        return self

    def filled_in(self, text: str) -> str:
        """The ids that stand in the pages are nobody's: here are some that are somebody's."""
        for shown, real in (
            ("rejected show 1764000000000-0", f"rejected show {self.refusal}"),
            ("dead-letters show 1764000000000-0", f"dead-letters show {self.letter}"),
            ("explain 019c1387a9a1b2c3d4e00000000", f"explain {self.receipt}"),
        ):
            text = text.replace(shown, real)
        return text


@pytest.fixture(scope="module")
def operated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operated]:
    """One for all pages: what they do to it is what somebody does who reads one after the other."""
    directory, valkey = tmp_path_factory.mktemp("operated"), Valkey()
    (directory / "receiver.toml").write_text(SINK)
    running = Operated(valkey, directory)
    try:
        running.start()
        yield running
    finally:
        running.stop()
        valkey.stop()


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl on this machine")
@pytest.mark.parametrize("page", RUN, ids=lambda path: path.stem)
def test_every_command_of_a_page_does_what_it_says(
    page: Path, operated: Operated, tmp_path: Path
) -> None:
    operated.give_past()
    (tmp_path / "receiver.toml").write_text(SINK)
    program = tmp_path / "bin/receiver"
    program.parent.mkdir()
    forked = [sys.executable, "-S", "-P", "-m", "tests.support.forked", server(), "receiver"]
    warnings = environment()["PYTHONWARNINGS"]
    command = f'PYTHONWARNINGS={warnings} exec {shlex.join(forked)} "$@"'
    program.write_text(f"#!/bin/sh\n{command}\n")
    program.chmod(0o755)
    environ = {
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "REDIS_URL": operated.valkey.url,
        "PORT": str(operated.port),
        "RECEIVER_TOKEN": TOKEN,
    }
    for one in blocks(page):
        if one.tag == "run":
            done = subprocess.run(
                ["/bin/sh", "-eu", "-c", operated.filled_in(_allowing(one.text))],
                cwd=tmp_path,
                env=environ,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert done.returncode == 0, one.text + done.stdout + done.stderr
    assert operated.books().balanced


def _allowing(text: str) -> str:
    """What may end with 1, as its comment says, does not end the block."""
    return re.sub(r"^(receiver [^#\n]+?) +#.*\bexit 1\b.*$", r"\1 || test $? = 1", text, flags=re.M)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_nobody_copies_from_us_that_a_failure_does_not_matter(page: Path) -> None:
    assert "|| :" not in page.read_text("utf-8")
    assert "|| true" not in page.read_text("utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_block_of_commands_is_run_or_says_what_it_needs(page: Path) -> None:
    untold = [
        one.text
        for one in blocks(page)
        if one.language == "sh" and one.tag not in NEEDS | {"run"} and not one.name
    ]
    assert untold == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_every_link_to_a_page_or_heading_of_ours_leads_there(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"https?:", target):
            name, _, heading = target.partition("#")
            path = (page.parent / name).resolve() if name else page
            assert path.exists(), target
            if heading:
                assert heading in headings(path), target


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_every_file_and_test_of_ours_that_a_page_names_is_there(page: Path) -> None:
    named = r"`((?:receiver|workers|tests|benchmarks)/[\w/]+\.(?:py|lua))(?:::(test_\w+))?`"
    for name, test in re.findall(named, page.read_text("utf-8")):
        assert (ROOT / name).exists(), name
        assert not test or f"def {test}(" in (ROOT / name).read_text("utf-8"), test


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs/README.md").read_text("utf-8")
    pages = [path.name for path in (ROOT / "docs").glob("*.md") if path.name != "README.md"]
    assert [name for name in pages if f"]({name})" not in index] == []


def test_every_version_of_the_changelog_has_its_line_about_upgrading() -> None:
    versions = re.findall(r"^## \[?([\w.]+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    said = re.findall(r"^\| ([\w.]+) \| ", (ROOT / "docs/upgrading.md").read_text("utf-8"), re.M)
    assert versions == [one for one in said if one != "version"]


def test_the_carrier_of_the_page_reads_and_refuses() -> None:
    module = ModuleType("example")
    exec(snippet("add-a-carrier.md", "carrier.py"), module.__dict__)  # noqa: S102 - it is ours
    body = b'{"id": "a-1", "from": "tel:+12065550100", "words": "Hello"}'
    assert module.CALLBACK.read(Request("", [], body)).accepted == (body,)
    notification = Notification("example.sms", "default", "r", 1, "", body)
    [event] = module.CALLBACK.normalise(notification, ZoneInfo("UTC"))
    assert event.data["from"] == "+12065550100"
    assert event.identity == ("a-1",)
    for hostile in (b"", b"[]", b"{}", b"\xff", b"[" * 100_000):
        with pytest.raises(Rejected):
            module.CALLBACK.read(Request("", [], hostile))


def headings(page: Path) -> set[str]:
    """The anchors of a page, as GitHub makes them."""
    found = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    words = (re.sub(r"[^\w\- ]", "", one.lower()) for one in found)
    return {one.replace(" ", "-") for one in words}
