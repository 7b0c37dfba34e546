"""Where the ledger cannot count all that is open, pages and tables say that there may be more."""

import html
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from receiver.contract.redis_keys import EVENTS, GROUP, INBOUND, LEDGER, SINKS, forward_group
from tests.operations.test_bounded_readers import fill
from tests.support.command_line import here
from tests.support.commands import free_port
from tests.support.valkey import Valkey

TOML = '[[sink]]\nname = "billing"\nkind = "redis-stream"\nstream = "billing"\n'


@pytest.fixture(autouse=True)
def _more_than_is_counted(valkey: Valkey) -> None:
    client = valkey.client()
    fill(client, INBOUND, GROUP, 5_300)
    fill(client, EVENTS, forward_group("billing"), 5_300)
    client.hset(LEDGER, "accepted", 5_300)
    client.hset(SINKS, "billing:begun", 1)


@pytest.mark.parametrize(
    ("path", "times"), [("/", 2), ("/ledger", 3), ("/sinks", 1), ("/sinks/billing", 1)]
)
def test_a_page_says_so(viewer: TestClient, path: str, times: int) -> None:
    text = html.unescape(re.sub("<[^>]*>", " ", viewer.get(path).text))
    assert text.count("5\u202f000 or more") == text.count("5\u202f000") == times


def test_a_command_says_so(valkey: Valkey, tmp_path: Path) -> None:
    (tmp_path / "receiver.toml").write_text(TOML)

    def said(*words: str) -> str:
        ours = {"PORT": str(free_port()), "REDIS_URL": valkey.url}
        shown = here(tmp_path, *words, terminal=True, **ours).out
        return " ".join(re.sub("\x1b\\[[0-9;]*m", "", shown).split())

    assert "not done yet; or more" in said("ledger")
    assert "open 5000 or more" in said("ledger")
    assert re.search(r"\b5,000 or more\b", said("sinks", "list"))
    assert "5,000 or more open" in said("status")
