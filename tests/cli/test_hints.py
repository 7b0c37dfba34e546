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


@pytest.mark.parametrize(
    "kind", [("dead-letters", "dead letters"), ("rejected", "refused requests")]
)
def test_a_list_of_none_says_so(valkey: Valkey, tmp_path: Path, kind: tuple[str, str]) -> None:
    command, name = kind
    answer = run(tmp_path, command, "list", REDIS_URL=valkey.url)
    assert (answer.returncode, answer.stdout) == (0, "")
    assert answer.stderr == f"no {name} found\n"
