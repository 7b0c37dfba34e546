"""Commands that send, as `receiver send` and `receiver simulate`: what they send, and where to."""

import json
from pathlib import Path

import pytest

from receiver.simulate.samples import SAMPLES, build
from tests.support.commands import free_port, run


def test_every_sample_is_new_each_time() -> None:
    for name in SAMPLES:
        assert build(name).body != build(name).body
        assert json.loads(build(name).body)


def test_a_swapped_sim_is_said_of_a_number_and_by_its_own_api() -> None:
    event = json.loads(build("sim-swap").body)
    assert set(event["data"]) == {"phoneNumber", "subscriptionId"}
    assert event["source"].startswith("/sim-swap-subscriptions/")


@pytest.mark.parametrize("command", [["send", "mo"], ["simulate"], ["rejected", "replay", "--all"]])
@pytest.mark.parametrize(
    "url", ["nonsense", "ftp://x", "http://x:y", "https://x/?access_token=k", "http://a..b"]
)
def test_where_to_send_is_a_url_and_never_shown(
    command: list[str], url: str, tmp_path: Path
) -> None:
    answer = run(tmp_path, *command, "--url", url)
    assert answer.returncode == 2
    assert "the beginning of a URL, such as https://hooks.example.com, is wanted" in answer.stderr
    assert url not in answer.stderr


@pytest.mark.parametrize("option", ["--rate", "--duration"])
@pytest.mark.parametrize("value", ["nan", "inf", "0", "1e9"])
def test_what_a_simulation_is_told_to_send_has_an_end(
    option: str, value: str, tmp_path: Path
) -> None:
    answer = run(tmp_path, "simulate", "--token", "t", option, value)
    assert answer.returncode == 2
    assert f"Invalid value for '{option}'" in answer.stderr


def test_send_says_that_nobody_is_there(tmp_path: Path) -> None:
    answer = run(tmp_path, "send", "mo", "--token", "t", PORT=str(free_port()))
    assert answer.returncode == 1
    assert "/att/sms/mo cannot be reached: Failed to establish" in answer.stderr
    assert "--url, or PORT" in answer.stderr
    assert answer.stderr.count("\n") == 1
