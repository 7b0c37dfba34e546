"""Settings that cannot work are refused in a sentence, and stand in nobody else's way."""

import hashlib
import os
import subprocess
import time
from pathlib import Path

import pytest

from receiver.auth import credential_store
from receiver.auth.bearer import Credential
from receiver.config.settings import SettingsError, load
from tests.support.commands import RECEIVER, environment, run
from tests.support.valkey import Valkey

BROKEN = ["[[sink]\n", "[[sink]]\nname = 5\n"]


def digests(*tokens: str) -> tuple[bytes, ...]:
    return tuple(hashlib.sha256(token.encode()).digest() for token in tokens)


@pytest.mark.parametrize(
    "value",
    [
        "one,two", "one, two", " one ,two ", "one two", "one\ntwo\n", "one\r\ntwo\r\n", "one\ttwo",
        "one,\n  two", ",one,,two,", "one\N{NO-BREAK SPACE}two", "one\n\ntwo", "one,two\n",
    ],
)  # fmt: skip
def test_tokens_may_stand_between_commas_blanks_and_line_breaks(value: str) -> None:
    assert load({"RECEIVER_BEARER_TOKENS": value}).bearer_digests == digests("one", "two")


@pytest.mark.parametrize("value", ["", " ", ",", " , \n"])
def test_no_token_is_none(value: str) -> None:
    assert load({"RECEIVER_BEARER_TOKENS": value}).bearer_digests == ()


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ('"s3cret"', "quotes"), ("'s3cret'", "quotes"), ('"s3cret,other"', "quotes"),
        ('s3cret,"other"', "quotes"), ("s3cret,o'ther", "quotes"), ("`s3cret`", "quotes"),
        ("“s3cret”", "quotes"), ('s3cret"', "quotes"), ("x,«s3cret»,y", "quotes"),
        ("Bearer s3cret", "the word Bearer"), ("s3cret, bearer", "the word Bearer"),
        ("\ufeffs3cret", "cannot be seen"), ("s3c\u200bret", "cannot be seen"),
        ("s3cret\x7f", "cannot be seen"), ("s3cret\x1b[0m", "cannot be seen"),
        ("s3cret" + "x" * 4091, "longer than 4096"),
    ],
)  # fmt: skip
def test_tokens_that_nobody_sends_are_refused_and_not_shown(value: str, wrong: str) -> None:
    with pytest.raises(SettingsError, match=wrong) as refused:
        load({"RECEIVER_BEARER_TOKENS": value})
    assert "s3c" not in str(refused.value)
    assert str(refused.value).startswith("RECEIVER_BEARER_TOKENS")


@pytest.mark.parametrize(
    "name",
    ["PORT", "HOST", "REDIS_URL", "RECEIVER_DATA_DIR", "RECEIVER_SPOOL_DIR", "RECEIVER_CONFIG"],
)
@pytest.mark.parametrize("quote", ["'", '"'])
def test_quotes_around_any_value_are_refused(name: str, quote: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}: the quotes"):
        load({name: f"{quote}8080{quote}"})


@pytest.mark.parametrize("name", ["RECEIVER_CONSOLE_URL", "RECEIVER_TRACE_URL"])
def test_a_password_in_an_address_is_not_shown(name: str) -> None:
    with pytest.raises(SettingsError, match="an address such as") as refused:
        load({name: "https://ada:made-up@example.com/here"})
    assert "made-up" not in str(refused.value)
    assert str(refused.value).startswith(f"{name}=(not shown): ")


@pytest.mark.parametrize("value", ["abc", "-1", "999", "9" * 30])
def test_a_file_that_was_handed_to_another_process_is_refused_in_a_sentence(value: str) -> None:
    """Such as in an environment that was copied from a worker's."""
    with pytest.raises(SettingsError, match="RECEIVER_CONFIG_FD: a supervisor sets it"):
        load({"RECEIVER_CONFIG_FD": value})
    assert load({"RECEIVER_CONFIG_FD": " "}).sinks == ()


def test_blanks_around_any_value_are_taken_off(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[[listener]]\nname = 'promo'\n")
    found = load(
        {"HOST": " h ", "RECEIVER_DATA_DIR": "d\r", "RECEIVER_CONFIG": f" {tmp_path}/a.toml\r\n"}
    )
    assert (found.host, found.data_dir, found.listeners[0].name) == ("h", Path("d"), "promo")


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("line", [b"\n", b"\r\n"])
def test_a_file_from_any_editor_is_read(tmp_path: Path, mark: bytes, line: bytes) -> None:
    file = tmp_path / "receiver.toml"
    file.write_bytes(mark + line.join([b"[[listener]]", b"name = 'promo'", b""]))
    assert load({"RECEIVER_CONFIG": str(file)}).listeners[0].name == "promo"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1"])
def test_a_file_that_is_not_utf_8_is_refused_in_a_sentence(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "receiver.toml"
    file.write_bytes("# é\n[[listener]]\nname = 'promo'\n".encode(encoding))
    with pytest.raises(SettingsError, match=r"receiver\.toml: it is not UTF-8"):
        load({"RECEIVER_CONFIG": str(file)})


def test_what_has_no_end_or_does_not_come_is_no_file(tmp_path: Path) -> None:
    pipe, large = tmp_path / "pipe", tmp_path / "large"
    os.mkfifo(pipe)
    large.write_bytes(b"#" * 2_000_000)
    for path in ("/dev/full", "/dev/zero", "/dev/random", str(large)):
        with pytest.raises(SettingsError, match="more than 1048576 bytes"):
            load({"RECEIVER_CONFIG": path})
    for path in (str(pipe), str(tmp_path)):
        with pytest.raises(SettingsError, match=r"a file is wanted|Is a directory"):
            load({"RECEIVER_CONFIG": path})
    assert load({"RECEIVER_CONFIG": "/dev/null"}).sinks == ()


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_file_stands_in_the_way_of_nothing_that_needs_no_sinks(
    valkey: Valkey, tmp_path: Path, broken: str
) -> None:
    (tmp_path / "receiver.toml").write_text(broken)
    credential_store.add(
        valkey.client(), "a-stored-token-1", Credential(label="att", created=time.time())
    )
    for words, code in (
        (["credentials", "list"], 0),
        (["credentials", "revoke", "att"], 0),
        (["credentials", "add", "--label", "x"], 0),
        (["ledger"], 0),
        (["dead-letters", "list"], 0),
        (["rejected", "list"], 0),
        (["sinks", "start", "billing"], 2),
    ):
        done = run(tmp_path, *words, REDIS_URL=valkey.url)
        assert (done.returncode, "receiver.toml" in done.stderr) == (code, False), (words, done)
    for words in (["web"], ["worker"], ["credentials", "add", "--listener", "promo"]):
        done = run(tmp_path, *words, REDIS_URL=valkey.url, RECEIVER_BEARER_TOKENS="made-up")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "receiver.toml" in done.stderr


def test_a_token_from_stdin_ends(valkey: Valkey, tmp_path: Path) -> None:
    with open("/dev/zero") as endless:
        done = subprocess.run(
            [*RECEIVER, "credentials", "add", "--token-stdin"],
            cwd=tmp_path,
            env=environment(REDIS_URL=valkey.url),
            stdin=endless,
            capture_output=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 2
    quoted = run(tmp_path, "credentials", "add", "--token-stdin", stdin='"a-token-of-mine-1"\n',
                 REDIS_URL=valkey.url)  # fmt: skip
    assert (quoted.returncode, "no quotes" in quoted.stderr) == (2, True)
