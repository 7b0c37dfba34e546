import json
import signal
import socket
import socketserver
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support import receivers
from tests.support.commands import ROOT, environment, free_port, run, running
from tests.support.eventually import eventually
from tests.support.receivers import STREAM, TOKEN, Receiver, listening
from tests.support.threaded import threaded
from tests.support.valkey import Valkey

SCENARIO = """
settle = 1.0
phase = [{burst = 300}]
[att]
retry_for = 1.0
attempts = 6
[camara]
attempts = 4
pause = 0.1
[trouble]
reordered = 0
duplicates = 0.1
malformed = 0.05
strangers = 0.05
oversized = 0.01
broken = 0.03
slow = 0.01
"""
BRISK = SCENARIO.replace("duplicates = 0.1", "duplicates = 0").replace("slow = 0.01", "slow = 0")
"""Without what a carrier sends once more within three seconds, or in pieces over one."""


class Judged(NamedTuple):
    returncode: int
    verdict: dict[str, Any]
    stderr: str


def judge(receiver: Receiver, cwd: Path, scenario: str = SCENARIO, *more: str) -> Judged:
    """Simulate against a receiver, reading the stream it publishes to."""
    (cwd / "scenario.toml").write_text(scenario)
    with listening(receiver) as url:
        options = ["--url", url, "--token", TOKEN, "--from-stream", STREAM, "--json", *more]
        socket = receiver.client.get_connection_kwargs()["path"]
        answer = run(cwd, "simulate", "scenario.toml", *options, REDIS_URL=f"unix://{socket}")
    assert answer.stdout, answer.stderr
    return Judged(answer.returncode, json.loads(answer.stdout), answer.stderr)


def test_a_good_receiver_that_is_not_ours_passes_and_the_log_has_every_attempt(
    valkey: Valkey, tmp_path: Path
) -> None:
    judged = judge(Receiver(valkey.client()), tmp_path, SCENARIO, "--log", "attempts.jsonl")
    assert (judged.returncode, judged.verdict["faults"]) == (0, [])
    assert judged.verdict["lost"] == judged.verdict["duplicated"] == judged.verdict["let_in"] == 0
    assert judged.verdict["published"] == judged.verdict["acknowledged"] == judged.verdict["sent"]
    assert judged.verdict["attempts"] > judged.verdict["sent"] + judged.verdict["hostile"] > 290
    text = (tmp_path / "attempts.jsonl").read_text()
    assert len(text.splitlines()) == judged.verdict["attempts"]
    assert TOKEN not in text


@pytest.mark.parametrize(
    ("kind", "count", "fault"),
    [
        (receivers.Loses, "lost", "acknowledged and lost"),
        (receivers.AcknowledgesFirst, "lost", "acknowledged and lost"),
        (receivers.Doubles, "duplicated", "published more than once"),
        (receivers.ForgetsItsTokens, "subscriptions_ended", "subscriptions ended by a 401"),
        (receivers.LetsEverybodyIn, "let_in", "let in without a valid token"),
        (receivers.NeverTakes, "given_up", "nothing was acknowledged"),
    ],
)
def test_a_bad_receiver_is_told_so(
    kind: type[Receiver], count: str, fault: str, valkey: Valkey, tmp_path: Path
) -> None:
    judged = judge(kind(valkey.client()), tmp_path, BRISK)
    assert judged.returncode == 1
    assert judged.verdict[count] > 0
    assert [words for words in judged.verdict["faults"] if fault in words] != []
    assert fault in judged.stderr


def test_the_lost_and_the_duplicated_are_counted_exactly(valkey: Valkey, tmp_path: Path) -> None:
    plain = "settle = 1.0\nphase = [{burst = 1000}]\n[trouble]\n" + "".join(
        f"{name} = 0\n" for name in ("malformed", "oversized", "strangers", "broken", "shared_ids")
    )
    judged = judge(receivers.Loses(valkey.client()), tmp_path, plain)
    assert (judged.verdict["sent"], judged.verdict["lost"]) == (1000, 10)
    assert judged.verdict["duplicated"] == 0
    assert len(judged.verdict["examples"]["lost"]) == 5


def test_att_tries_again_until_it_is_acknowledged(valkey: Valkey, tmp_path: Path) -> None:
    receiver = receivers.IsDownAtFirst(valkey.client())
    only_att = SCENARIO + "[mix]\nmo = 1\ndelivery-status = 1\n"
    judged = judge(receiver, tmp_path, only_att)
    assert judged.returncode == 0
    assert judged.verdict["acknowledged"] == judged.verdict["sent"]
    assert judged.verdict["answers"]["503"] > 1.8 * judged.verdict["sent"]


def test_a_one_shot_operator_does_not_try_again_and_nothing_counts_as_lost(
    valkey: Valkey, tmp_path: Path
) -> None:
    receiver = receivers.IsDownAtFirst(valkey.client())
    once = SCENARIO.replace("attempts = 4", "attempts = 1") + "[mix]\nreachability = 1\n"
    judged = judge(receiver, tmp_path, once.replace("duplicates = 0.1", "duplicates = 0"))
    assert max(receiver.attempts.values()) == 1
    assert judged.verdict["given_up"] == judged.verdict["sent"]
    assert judged.verdict["lost"] == 0
    assert judged.verdict["faults"] == ["nothing was acknowledged"]


def test_what_comes_out_behind_its_followers_is_said_and_no_fault(
    valkey: Valkey, tmp_path: Path
) -> None:
    one_by_one = "connections = 1\nsettle = 1.0\nphase = [{burst = 100}]\n"
    judged = judge(receivers.Backwards(valkey.client()), tmp_path, one_by_one)
    assert judged.verdict["out_of_order"] > 20


def test_a_receiver_has_its_own_paths_and_needs_no_stream(valkey: Valkey, tmp_path: Path) -> None:
    receiver = Receiver(valkey.client())
    paths = '[paths]\nmo = "/in/sms"\ndelivery-status = "/in/receipts?v=2"\ncamara = "/in/events"\n'
    (tmp_path / "their.toml").write_text("phase = [{burst = 100}]\n" + paths)
    with listening(receiver) as url:
        answer = run(tmp_path, "simulate", "their.toml", "--url", url, "--token", TOKEN)
    assert answer.returncode == 0
    assert set(receiver.paths) == {"/in/sms", "/in/receipts", "/in/events"}
    assert json.loads(answer.stdout)["verified"] is False


def test_an_earlier_run_is_repeated_to_the_byte(valkey: Valkey, tmp_path: Path) -> None:
    receiver = Receiver(valkey.client())
    quick = "settle = 0.1\nphase = [{burst = 50}]\n[trouble]\nduplicates = 0\nreordered = 0\n"
    first = judge(receiver, tmp_path, quick)
    sent = set(receiver.attempts)
    again = judge(receiver, tmp_path, quick, "--run", first.verdict["run"], "--seed", "1")
    assert again.returncode == 1  # acknowledged, and nothing new came out
    assert set(receiver.attempts) == sent


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_still_gives_its_verdict(
    valkey: Valkey, tmp_path: Path, number: int
) -> None:
    receiver = Receiver(valkey.client())
    with listening(receiver) as url:
        options = ["--url", url, "--token", TOKEN, "--redis-url", valkey.url]
        options += ["--from-stream", STREAM, "--rate", "50", "--duration", "600", "--json"]
        with running(tmp_path, "simulate", *options) as simulate:
            eventually(lambda: receiver.count > 20)
            simulate.send_signal(number)
            stdout, _ = simulate.communicate(timeout=60)
    verdict = json.loads(stdout)
    assert simulate.returncode == 0
    assert verdict["sent"] > 20
    assert verdict["lost"] == 0


def test_interrupted_twice_it_waits_for_no_answer(tmp_path: Path) -> None:
    (tmp_path / "scenario.toml").write_text("timeout = 50\nphase = [{burst = 3}]")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        options = ("scenario.toml", "--url", url, "--token", TOKEN)
        with running(tmp_path, "simulate", *options) as simulate:
            silent.accept()[0].close()
            simulate.send_signal(signal.SIGINT)
            assert simulate.stderr
            assert "stopping (Ctrl-C: at once)" in simulate.stderr.readline()
            simulate.send_signal(signal.SIGINT)
            assert simulate.communicate(timeout=30) == ("", "")
    assert simulate.returncode == 130


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("rate = 5", "scenario.toml:1: Object contains unknown field `rate`"),
        ("[mix]\nmms = 1", "scenario.toml: mix: 'mms': one of mo, delivery-status"),
        ("phase = [{rate = 5}]", "scenario.toml: phase: either rate and seconds, or burst"),
        ("[trouble]\nslow = 2", "scenario.toml:2: Expected `float` <= 1"),
        ("[", "scenario.toml: "),
    ],
)
def test_a_scenario_that_cannot_be_played_is_said_in_one_sentence(
    text: str, sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "scenario.toml").write_text(text)
    answer = run(tmp_path, "simulate", "scenario.toml", "--token", "t")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.startswith(f"receiver: {sentence}")
    assert answer.stderr.count("\n") == 1


def test_nobody_there_is_a_verdict_too(tmp_path: Path) -> None:
    (tmp_path / "scenario.toml").write_text("phase=[{burst=3}]\nmix={mo=1}\n[att]\nretry_for=0.2")
    url = f"http://127.0.0.1:{free_port()}"
    answer = run(tmp_path, "simulate", "scenario.toml", "--url", url, "--token", "t", "--json")
    assert answer.returncode == 1
    assert json.loads(answer.stdout)["answers"] == {"unreachable": 30}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nok", "200"),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok",
            "202",
        ),
        (b"HTTP/1.0 204 No Content\r\n\r\n", "204"),
        (b"", "broken"),
        (b"220 mail.example.com ESMTP\r\n", "broken"),
    ],
)
def test_answers_of_unusual_servers_are_understood(
    answer: bytes, said: str, tmp_path: Path
) -> None:
    class Unusual(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline() != b"\r\n":
                pass
            self.wfile.write(answer)
            self.connection.shutdown(socket.SHUT_WR)
            self.rfile.read()

    (tmp_path / "few.toml").write_text(
        "phase=[{burst=3}]\nmix={mo=1}\natt={attempts=1}\n"
        "trouble={duplicates=0, broken=0, malformed=0, slow=0, strangers=0, reordered=0}\n"
    )
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Unusual)
    with threaded(server):
        url = f"http://127.0.0.1:{server.server_address[1]}"
        found = run(tmp_path, "simulate", "few.toml", "--url", url, "--token", "t", "--json")
    assert json.loads(found.stdout)["answers"] == {said: 3}


def test_it_loads_neither_the_web_server_nor_the_workers(tmp_path: Path) -> None:
    code = "import sys, receiver.cli.simulate.simulate\n"
    code += "print({'starlette', 'uvicorn', 'rq'} & {*sys.modules})"
    command = [sys.executable, "-c", code]
    shown = subprocess.check_output(command, cwd=tmp_path, env=environment(), text=True)
    assert shown == "set()\n"
    assert (ROOT / "receiver/simulate").is_dir()
