"""Every command: its help, what it says when it cannot work, and the books."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from receiver.cli import COMMANDS
from receiver.cli.up.embedded_valkey import read_url, server_state
from tests.support.commands import environment, free_port, on_a_terminal, run
from tests.support.valkey import Valkey

TOKEN = {"RECEIVER_BEARER_TOKENS": "made-up"}
DEMO = {"RECEIVER_TOKEN": "made-up"}
AWAY = {"REDIS_URL": "redis://127.0.0.1:1"}


def said(command: str, stderr: str) -> str:
    """Why a command could not do it: of a process a line of its log, else one for people."""
    (line,) = stderr.splitlines()
    if command not in ("up", "web", "worker", "console"):
        return line.removeprefix("receiver: ")
    logged = json.loads(line)
    assert (logged["event"], logged["level"]) == ("start.refused", "error")
    return str(logged["reason"])


def test_help_imports_neither_web_server_nor_redis_client(tmp_path: Path) -> None:
    code = "import sys, receiver.cli; print({'redis', 'uvicorn', 'rich', 'rq'} & set(sys.modules))"
    command = [sys.executable, "-c", code]
    shown = subprocess.check_output(command, cwd=tmp_path, env=environment(), text=True)
    assert shown == "set()\n"
    answer = run(tmp_path, "--help")
    assert answer.returncode == 0
    assert [name for name in COMMANDS if f"  {name} " not in answer.stdout] == []


@pytest.mark.parametrize(
    "name",
    [
        *("credentials", "rejected", "dead-letters", "sinks", "subscriptions", "console", "config"),
        *("losses", "polls", "inbox", "watch", "simulate"),
    ],
)
def test_a_group_says_of_each_of_its_commands_all_it_has_to_say(name: str, tmp_path: Path) -> None:
    taught, _, commands = run(tmp_path, name, "--help").stdout.partition("Commands:")
    assert taught.count(f"receiver {name}") > 1  # with examples
    assert commands
    assert [line for line in commands.splitlines() if line.endswith("...")] == []


@pytest.mark.parametrize(
    ("arguments", "environ", "sentence"),
    [
        (["web"], {}, "REDIS_URL is not set"),
        (["worker"], {}, "REDIS_URL is not set"),
        (["web"], {"REDIS_URL": "localhost"}, "REDIS_URL=(not shown): an address such as"),
        (
            ["web"],
            {"REDIS_URL": "redis://:a/b@h:6379"},
            "REDIS_URL=(not shown): host:port is wanted",
        ),
        (
            ["worker"],
            {"REDIS_URL": "redis://h:99999"},
            "REDIS_URL=(not shown): host:port is wanted",
        ),
        (["up"], {"REDIS_URL": "redis://h:1/first"}, "REDIS_URL=(not shown): the number of"),
        (
            ["worker"],
            {"REDIS_URL": "redis://h?socket_timeout=x"},
            "REDIS_URL=(not shown): an option after",
        ),
        (
            ["worker"],
            {"REDIS_URL": "redis://h?decode_responses=true"},
            "REDIS_URL=(not shown): an option after the ? is not for you to set: decode_responses",
        ),
        (["ledger"], {"REDIS_URL": "redis://h?nap=1"}, "REDIS_URL=(not shown): an option after"),
        (["web"], {"PORT": "http"}, "PORT='http': a whole number from 0 to 65535 is wanted"),
        (
            ["web"],
            {"RECEIVER_FULL_PERCENT": "60"},  # history goes from there on: it would never open
            "RECEIVER_FULL_PERCENT='60': a whole number from 65 to 85 is wanted",
        ),
        (
            ["web"],
            {"RECEIVER_SPOOL_BYTES": "1kb"},
            "RECEIVER_SPOOL_BYTES='1kb': a size from 1mb on is wanted",
        ),
        (["worker"], {"RECEIVER_WORKERS": "many"}, "RECEIVER_WORKERS='many'"),
        (["worker"], {"RECEIVER_WORKERS": "9" * 5000}, f"RECEIVER_WORKERS='{'9' * 5000}': a whole"),
        (["up"], {"RECEIVER_MAXMEMORY": "512"}, "RECEIVER_MAXMEMORY='512': a size from 1mb on"),
        (["up"], {"RECEIVER_MAXMEMORY": "lots"}, "RECEIVER_MAXMEMORY='lots'"),
        (
            ["up"],
            {"RECEIVER_CONFIG": "none.toml"},
            "RECEIVER_CONFIG='none.toml': No such file or directory; a file that can be read",
        ),
        (["up"], {}, "no credential is set"),
        (["up"], {"HOST": "no.such.host.invalid"}, "HOST=no.such.host.invalid PORT=8080: "),
        (["up"], {"HOST": "two..dots\n"}, "HOST=two..dots PORT=8080: that is no name"),
        (["up", "--demo"], {"RECEIVER_DATA_DIR": "/dev/null/x"}, "RECEIVER_DATA_DIR='/dev/null/x'"),
        (["up"], TOKEN | {"RECEIVER_DATA_DIR": "/dev/null/x"}, "RECEIVER_DATA_DIR='/dev/null/x'"),
        (["ledger"], {"REDIS_URL": "redis://127.0.0.1:1"}, "Redis: "),
        (["tail"], {}, "which Redis? REDIS_URL is not set and there is no var/redis-url"),
        (["tail"], {"REDIS_URL": "unix:///nowhere"}, "Redis: "),
        (["web"], TOKEN | AWAY | {"PORT": "0"}, "PORT=0: a whole number from 1 to 65535 is wanted"),
        (["console"], AWAY | {"PORT": "0"}, "PORT=0: a whole number from 1 to 65535 is wanted"),
        (
            ["web"],
            {"REDIS_URL": "unix://"},
            "REDIS_URL=(not shown): the path of a socket is wanted",
        ),
        (
            ["worker"],
            {"REDIS_URL": f"unix:///{'x' * 107}"},
            "REDIS_URL=(not shown): the path of a socket may have 107 bytes at most",
        ),
        (
            ["console"],
            AWAY | {"RECEIVER_CONSOLE_URL": "https://c:99999"},
            "RECEIVER_CONSOLE_URL='https://c:99999': an address such as https://console.example.com",
        ),
        (
            ["console", "--web", "localhost:8080"],
            AWAY,
            "Invalid value for '--web': the beginning of a URL, such as https://hooks.example.com",
        ),
        (
            ["ledger"],
            {"RECEIVER_TRACE_URL": "https://[/{trace}"},
            "RECEIVER_TRACE_URL='https://[/{trace}': an address such as https://traces.example.com",
        ),
        (["simulate", "--url", "http://no.invalid"], DEMO, "http://no.invalid cannot be reached: "),
        (["send", "mo"], {}, "no token: give --token or set RECEIVER_TOKEN"),
    ],
)
def test_what_cannot_work_is_said_in_one_sentence(
    arguments: list[str], environ: dict[str, str], sentence: str, tmp_path: Path
) -> None:
    port = {"PORT": str(free_port())} if arguments[0] == "up" and "HOST" not in environ else {}
    answer = run(tmp_path, *arguments, **port | environ)
    assert answer.returncode == 2
    assert said(arguments[0], answer.stderr).startswith(sentence)
    assert answer.stdout == ""


@pytest.mark.parametrize(
    "arguments", [("credentials", "add", "--label"), ("explain",), ("send", "mo", "--text")]
)
def test_an_argument_that_is_not_utf_8_is_said_in_one_sentence(
    arguments: tuple[str, ...], valkey: Valkey, tmp_path: Path
) -> None:
    answer = run(tmp_path, *arguments, os.fsdecode(b"caf\xe9"), REDIS_URL=valkey.url, **TOKEN)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.endswith(f"Error: argument {len(arguments) + 1} is not UTF-8\n")
    assert not valkey.client().exists("receiver:credentials")


def test_web_without_any_credential_refuses_to_start(valkey: Valkey, tmp_path: Path) -> None:
    answer = run(tmp_path, "web", REDIS_URL=valkey.url)
    assert answer.returncode == 2
    assert said("web", answer.stderr).startswith("no credential is set")


@pytest.mark.parametrize("name", ["web", "up"])
def test_a_port_in_use_is_said_in_one_sentence(name: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        answer = run(tmp_path, name, PORT=port, REDIS_URL="redis://127.0.0.1:1", **TOKEN)
    assert answer.returncode == 2
    assert said(name, answer.stderr) == (
        f"HOST=127.0.0.1 PORT={port}: Address already in use; set another PORT or HOST"
    )


def test_up_ends_its_embedded_server_when_it_refuses(tmp_path: Path) -> None:
    run(tmp_path, "up", PORT=str(free_port()))
    log = (tmp_path / "var/valkey/valkey.log").read_text()
    assert "Ready to accept connections" in log
    # Not its last words: where it has been slow to end it was killed, which is an end as well.
    assert server_state(read_url(tmp_path / "var/redis-url")) == "gone"


def test_a_terminal_without_the_letters_of_a_text_shows_escapes(
    valkey: Valkey, tmp_path: Path
) -> None:
    event = json.dumps({"id": "a", "type": "t", "data": {"text": "h\u00e9"}})
    valkey.client().xadd("receiver:events", {"event": event})
    environ = {"REDIS_URL": valkey.url, "PYTHONIOENCODING": "ascii"}
    assert r"h\xe9" in on_a_terminal(tmp_path, "tail", "--from-start", "--no-follow", **environ)


def test_the_books_of_a_new_redis_balance(valkey: Valkey, tmp_path: Path) -> None:
    answer = run(tmp_path, "ledger", REDIS_URL=valkey.url)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert json.loads(answer.stdout)["accepted"] == 0


def test_books_that_do_not_balance_are_an_exit_code(valkey: Valkey, tmp_path: Path) -> None:
    valkey.client().hset("receiver:ledger", "published", 1)
    answer = run(tmp_path, "ledger", "--json", REDIS_URL=valkey.url)
    assert answer.returncode == 1
    assert answer.stderr == (
        "receiver: the ledger does not balance: docs/failures.md, The ledger does not balance\n"
    )
    books = json.loads(answer.stdout)
    assert (books["accepted"], books["published"], books["balanced"]) == (0, 1, False)
