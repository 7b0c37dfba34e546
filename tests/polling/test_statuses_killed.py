"""A poller killed at any step of a look: each status comes out once, and each watch ends once."""

import subprocess
import sys

import pytest

from receiver.operations import ledger, watch_ledger
from tests.support.commands import ROOT, environment
from tests.support.forked import Forked
from tests.support.outboxes import GONE, Reply, Watched, statuses

TO = "+12065550100"
DELIVERED = statuses((f"tel:{TO}", "DeliveredToTerminal"))


def killed(watched: Watched, point: str, *answers: Reply) -> None:
    """A poller is killed there, and the next one goes on until the watch has ended."""
    watched.gateway.script["SMS1"] = list(answers)
    watched.ask_for("SMS1")
    with Forked(
        [sys.executable, "-P", "-m", "tests.support.dying_poll"],
        cwd=ROOT,
        env=environment(**watched.environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        said, _ = process.communicate(f"{point}\n", timeout=60)
    assert process.returncode == 0
    assert said.splitlines()[-1].split()[0] == "-9"
    watched.later()
    watched.poll(watched.ended)
    assert watch_ledger.read(watched.redis)[0].balanced
    assert list((watched.directory / "var/pages").glob("*.page")) == []


@pytest.mark.parametrize(
    "point",
    [
        "before stream",
        "after body",
        "before append",
        "after append",
        "before settlement",
        "after record",
        "before remove",
        "after remove",
    ],
)
def test_a_final_status_that_arrived_comes_out_and_never_as_unknown(
    watched: Watched, point: str
) -> None:
    killed(watched, point, DELIVERED, GONE)
    assert watched.said() == [(TO, "delivered", True, None)]
    assert watched.counts() == {"watched": 1, "final": 1}
    books = ledger.read(watched.redis)
    assert (books.accepted, books.duplicate) == (1, 0)


def test_a_final_status_that_was_lost_on_the_way_is_unknown(watched: Watched) -> None:
    killed(watched, "after head", DELIVERED, GONE)
    assert watched.said() == [(None, "unknown", True, "gone")]
    assert watched.counts() == {"watched": 1, "gone": 1}


@pytest.mark.parametrize(
    "point", ["before record", "after record", "before append", "after append"]
)
def test_the_end_without_a_status_is_published_and_counted_once(
    watched: Watched, point: str
) -> None:
    killed(watched, point, GONE)
    assert watched.said() == [(None, "unknown", True, "gone")]
    assert watched.counts() == {"watched": 1, "gone": 1}
    assert ledger.read(watched.redis).accepted == 1
