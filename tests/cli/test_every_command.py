"""What holds for every command, whichever there are."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pytest

from tests.support import console_data
from tests.support.command_line import COMMANDS, LEAVES, NUMBER, Done, Leaf, here
from tests.support.commands import free_port, run
from tests.support.valkey import Valkey

TOML = """
[[sink]]
name = "copy"
kind = "redis-stream"
stream = "company:events"
"""
each = pytest.mark.parametrize("leaf", COMMANDS, ids=lambda leaf: leaf.name)
lists = [leaf for leaf in COMMANDS if leaf.command.get_short_help_str().startswith("List ")]
NEXT = re.compile(r"`receiver |--\w|\b[A-Z]+_[A-Z_]+\b|receiver\.toml|\bTry '|\bPORT\b")
"""What tells what to do: a command, an option, a variable, or the file."""
COLOUR = re.compile("\x1b\\[[0-9;]*(3[0-8]|4[0-8]|9[0-7])")

ZONELESS = re.compile(r"\b\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?!\d|[:.]\d|Z| UTC)")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "receiver.toml").write_text(TOML)
    return tmp_path


class Seeded(NamedTuple):
    """A Redis with something of everything, as it is before each command."""

    valkey: Valkey
    stored: dict[bytes, bytes]

    def anew(self) -> str:
        """Put everything back; the URL."""
        pipe: Any = self.valkey.client().pipeline(transaction=False)
        pipe.flushall()
        for key, value in self.stored.items():
            pipe.restore(key, 0, value)
        pipe.execute()
        return self.valkey.url


@pytest.fixture(scope="module")
def seeded() -> Iterator[Seeded]:
    server = Valkey()
    console_data.fill(server)
    client: Any = server.client()
    yield Seeded(server, {key: client.dump(key) for key in client.scan_iter()})
    server.stop()


def ran(leaf: Leaf, place: Path, seeded: Seeded, *more: str, **options: Any) -> Done:
    """The command with something of everything in Redis, which it may change."""
    environ = {"REDIS_URL": seeded.anew(), "PORT": str(free_port())} | options
    (place / "receiver.toml").write_text(TOML)  # `init` does not overwrite it
    return here(place, *leaf.arguments(), *more, **environ)


def documents(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def shape(found: Any) -> Any:
    """The names and types in a document."""
    if isinstance(found, dict):
        return {name: shape(value) for name, value in found.items()}
    return [shape(one) for one in found] if isinstance(found, list) else type(found).__name__


def test_the_commands_are_found() -> None:
    names = {leaf.name for leaf in LEAVES}
    assert {"up", "ledger", "sinks test", "console link", "simulate operator"} <= names
    assert {"up", "web", "console"}.isdisjoint(leaf.name for leaf in COMMANDS)
    assert {leaf.name for leaf in lists} >= {"sinks list", "rejected list", "subscriptions orphans"}


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.name)
def test_help_has_an_example(leaf: Leaf) -> None:
    said = leaf.command.get_help(leaf.context).partition("Options:")[0].split("\n\n", 1)[1]
    lines = [line for line in said.splitlines() if line.startswith("    ")]
    assert [line for line in lines if re.search(rf"\breceiver {leaf.name}\b", line)] != []


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.name)
def test_what_it_is_and_how_it_is_called_fits_a_narrow_terminal(leaf: Leaf, tmp_path: Path) -> None:
    said = here(tmp_path, *leaf.words, "--help", COLUMNS="40").out
    lines = "\n\n".join(said.split("\n\n")[:2]).splitlines()
    assert [line for line in lines if len(line.rstrip()) > 40] == []


@each
def test_json_is_the_same_on_a_terminal_and_into_a_pipe(
    leaf: Leaf, place: Path, seeded: Seeded
) -> None:
    piped = ran(leaf, place, seeded)
    assert "\x1b" not in piped.out + piped.err
    if leaf.json is None:
        assert piped.out == ""  # what it says is for people
        return
    asked = ran(leaf, place, seeded, "--json", terminal=True)
    assert asked.code == piped.code
    if not leaf.bare:
        assert shape(documents(piped.out)) == shape(documents(asked.out))
    elif piped.out:
        assert len(documents(asked.out)) == len(piped.out.splitlines()) == 1


@each
def test_a_terminal_of_80_columns_is_not_exceeded_and_has_colours_if_it_likes(
    leaf: Leaf, place: Path, seeded: Seeded
) -> None:
    assert not COLOUR.search(ran(leaf, place, seeded, terminal=True, NO_COLOR="1").out)
    shown = ran(leaf, place, seeded, terminal=True, TERM="dumb").out
    assert "\x1b" not in shown
    follows = any("--no-follow" in one.opts for one in leaf.options)  # a line for each event
    assert follows or [line for line in shown.splitlines() if len(line) > 80] == []


@each
def test_a_time_on_a_terminal_says_that_it_is_utc(leaf: Leaf, place: Path, seeded: Seeded) -> None:
    shown = ran(leaf, place, seeded, terminal=True, TERM="dumb", TZ="America/New_York").out
    assert ZONELESS.findall(shown) == []


@each
def test_what_goes_wrong_is_said_on_stderr_with_what_to_do(
    leaf: Leaf, place: Path, valkey: Valkey
) -> None:
    for url in (valkey.url, "unix:///nowhere", ""):
        done = here(place, *leaf.arguments(), PORT=str(free_port()), REDIS_URL=url)
        assert done.code in (0, 1, 2)
        assert "Traceback" not in done.err
        assert not done.code or done.err or done.out
        if done.code == 2 and not done.out:
            assert NEXT.search(done.err), done


@pytest.mark.parametrize("typed", [("erase", NUMBER), ("rejected", "drop", "--all")])
def test_where_nobody_can_be_asked_it_says_how_to_go_without(
    typed: tuple[str, ...], place: Path, seeded: Seeded
) -> None:
    done = here(place, *typed, REDIS_URL=seeded.anew())
    assert (done.code, done.out) == (1, "")
    assert done.err.endswith("\nreceiver: nobody answers: --yes does it without asking\n")


@pytest.mark.parametrize("leaf", lists, ids=lambda leaf: leaf.name)
@pytest.mark.parametrize("terminal", [True, False])
def test_an_empty_list_is_no_fault_and_says_that_there_is_nothing(
    leaf: Leaf, place: Path, valkey: Valkey, terminal: bool
) -> None:
    if here(place, *leaf.arguments(), REDIS_URL=valkey.url).out:
        return  # it has something without Redis: `schema`
    done = here(place, *leaf.arguments(), terminal=terminal, REDIS_URL=valkey.url)
    if done.code == 2:
        assert "receiver.toml" in done.err
        return
    said, silent = (done.out, done.err) if terminal else (done.err, done.out)
    assert (done.code, silent) == (0, "")
    assert re.search(r"\b(no|nothing|none)\b", said)


@each
def test_ctrl_c_ends_it_with_130_and_without_a_word(leaf: Leaf, place: Path) -> None:
    with mock.patch.object(leaf.command, "invoke", side_effect=KeyboardInterrupt):
        assert here(place, *leaf.arguments()) == (130, "", "")


@pytest.mark.parametrize(
    ("typed", "variable"),
    [
        (("up", "--demo", "--port", "8081"), "PORT"),
        (("web", "--host", "::1"), "HOST"),
        (("ledger", "--redis-url", "redis://localhost"), "REDIS_URL"),
    ],
)
def test_an_option_that_is_a_variable_is_said_to_be_one(
    tmp_path: Path, typed: tuple[str, ...], variable: str
) -> None:
    done = run(tmp_path, *typed)
    assert done.returncode == 2
    assert f": set the variable {variable}." in done.stderr
    assert "Did you mean" not in done.stderr


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (("ledgr",), "Did you mean 'ledger'?"),
        (("sinks", "tset"), "Did you mean 'test'?"),
        (("simulate", "operater", "--token", "t"), "did you mean `receiver simulate operator`?"),
    ],
)
def test_a_command_that_is_none_is_answered_with_the_nearest(
    tmp_path: Path, typed: tuple[str, ...], meant: str
) -> None:
    done = here(tmp_path, *typed)
    assert (done.code, done.out) == (2, "")
    assert meant in done.err
