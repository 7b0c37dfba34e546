"""The token of the commands that send: as a file has it, never printed."""

from pathlib import Path

import pytest

from tests.support.command_line import here
from tests.support.commands import run
from tests.support.running import TOKEN, Receiver

SENDING = [("send", "mo"), ("rejected", "replay", "--all"), ("simulate", "--count", "1")]


def test_blanks_and_line_breaks_around_it_are_taken_off(receiver: Receiver, tmp_path: Path) -> None:
    receiver.start_web()
    for token in (f"{TOKEN}\n", f" {TOKEN}\r\n", f"\t{TOKEN} "):
        done = run(tmp_path, "send", "mo", PORT=str(receiver.port), RECEIVER_TOKEN=token)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("words", SENDING, ids=lambda words: words[0])
def test_one_that_no_header_can_have_is_refused_and_not_shown(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    for token in ("made-up\nx", "made-up x", "made-up\x01", "made-up\u200b"):
        done = here(tmp_path, *words, RECEIVER_TOKEN=token, REDIS_URL="redis://127.0.0.1:1")
        assert (done.code, "one token is wanted" in done.err) == (2, True)
        assert "made-up" not in done.out + done.err
