"""What commands say where there is nothing to show, or a port is taken."""

import json
import socket
from pathlib import Path

import pytest

from tests.support.commands import run
from tests.support.valkey import Valkey


def test_the_console_names_its_own_option_where_its_port_is_in_use(
    valkey: Valkey, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        answer = run(tmp_path, "console", "--port", port, REDIS_URL=valkey.url)
    assert answer.returncode == 2
    assert json.loads(answer.stderr)["reason"].endswith("in use; --port names another")


def test_a_sink_that_no_worker_has_begun_with_says_what_to_start(
    valkey: Valkey, tmp_path: Path
) -> None:
    (tmp_path / "receiver.toml").write_text(
        '[[sink]]\nname = "copy"\nkind = "redis-stream"\nstream = "company:events"\n'
    )
    answer = run(tmp_path, "sinks", "list", REDIS_URL=valkey.url)
    assert (answer.returncode, answer.stdout) == (0, "")
    said = "copy: no worker has begun yet: start `receiver worker` with this receiver.toml\n"
    assert answer.stderr == said


@pytest.mark.parametrize("do", ["renew", "delete"])
def test_a_slot_that_is_none_leads_to_a_command_that_lists_them(
    valkey: Valkey, tmp_path: Path, do: str
) -> None:
    answer = run(tmp_path, "subscriptions", do, "nobody", REDIS_URL=valkey.url)
    assert answer.returncode == 2
    assert "`receiver subscriptions list` has the sets, `show SET` the slots" in answer.stderr


def test_a_poll_that_is_none_among_none_says_so(valkey: Valkey, tmp_path: Path) -> None:
    answer = run(tmp_path, "poll", "--once", "promo", REDIS_URL=valkey.url)
    assert json.loads(answer.stderr)["reason"] == "--once promo: receiver.toml has no [[poll]]"
