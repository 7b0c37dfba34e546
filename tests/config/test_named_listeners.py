"""Where receiver.toml names listeners the bare URLs are 404, and our own samples go elsewhere."""

import json
import re
import shlex
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import urllib3

from receiver.cli.up import demo
from receiver.config.settings import Listener, Settings
from tests.support.commands import run
from tests.support.receivers import TOKEN, listening
from tests.support.receivers import Receiver as Other
from tests.support.running import TOKEN as OURS
from tests.support.running import Receiver
from tests.support.up import KINDS, Up
from tests.support.valkey import Valkey

LISTENERS = '[[listener]]\nname = "promo"\n[[listener]]\nname = "alerts"\n'


def test_the_demo_shows_its_samples_and_prints_the_urls_of_each_listener(tmp_path: Path) -> None:
    (tmp_path / "receiver.toml").write_text(LISTENERS)
    with Up(tmp_path, terminal=True) as up, urllib3.PoolManager(retries=False) as pool:
        events = up.events(3)
        assert {event["type"] for event in events} == KINDS
        assert {event["source"].rpartition("/")[2] for event in events} == {"promo"}
        assert up.send()
        said = up.said()
        printed = re.findall(r"(http://\S+access_token=\S+)", said)
        assert [url.partition("?")[0].rpartition("/")[2] for url in printed] == [
            *("promo", "promo", "alerts", "alerts")
        ]
        for url in printed:
            assert pool.request("POST", url, body=b"{}").status == 400
        found = re.search(r"^ +(curl .*)$", said, re.MULTILINE)
        assert found
        words = shlex.split(found[1])
        headers = dict(word.split(": ", 1) for flag, word in pairwise(words) if flag == "-H")
        body = words[words.index("-d") + 1].encode()
        assert pool.request("POST", words[-1], body=body, headers=headers).status == 204


def test_a_simulation_sends_to_the_first_listener_or_to_the_one_that_is_named(
    receiver: Receiver, tmp_path: Path
) -> None:
    (tmp_path / "receiver.toml").write_text(LISTENERS)
    receiver.start()
    environ = {
        "REDIS_URL": receiver.valkey.url,
        "PORT": str(receiver.port),
        "RECEIVER_TOKEN": OURS,
    }
    for more, listener in (((), "promo"), (("--listener", "alerts"), "alerts")):
        done = run(tmp_path, "simulate", "--count", "20", "--json", *more, **environ)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["lost"] == 0
        assert {one["source"].rpartition("/")[2] for one in receiver.events()[-10:]} == {listener}


def at_once(event: dict[str, Any]) -> bool:
    """Whether an event happened, as it says, when it came in."""
    happened, came = (datetime.fromisoformat(event[name]) for name in ("time", "receivedtime"))
    return event["timebasis"] == "sender" and abs(happened - came) < timedelta(minutes=5)


def test_a_message_of_ours_is_written_in_the_zone_of_its_listener(
    receiver: Receiver, tmp_path: Path
) -> None:
    (tmp_path / "receiver.toml").write_text(f'{LISTENERS}zone = "Asia/Tokyo"\n')
    receiver.start()
    environ = {
        "REDIS_URL": receiver.valkey.url,
        "PORT": str(receiver.port),
        "RECEIVER_TOKEN": OURS,
    }
    for command in (("send", "mo"), ("send", "mo-unicode"), ("simulate", "--count", "30")):
        for listener in ("promo", "alerts"):
            done = run(tmp_path, *command, "--listener", listener, "--json", **environ)
            assert done.returncode == 0, done.stderr
    receiver.settled()
    messages = [one for one in receiver.events() if one["type"] == "sms.message.received.v1"]
    assert {one["source"].rpartition("/")[2] for one in messages} == {"promo", "alerts"}
    assert [one for one in messages if not at_once(one)] == []


def test_the_demo_s_message_is_written_in_the_zone_of_its_listener(tmp_path: Path) -> None:
    (tmp_path / "receiver.toml").write_text('[[listener]]\nname = "promo"\nzone = "Asia/Tokyo"\n')
    with Up(tmp_path, terminal=True) as up:
        (message,) = (one for one in up.events(3) if one["type"] == "sms.message.received.v1")
        assert at_once(message)


@pytest.mark.parametrize("count", ["3", "500"])
def test_a_simulation_of_nothing_but_404_stops_at_once_and_says_so(
    valkey: Valkey, tmp_path: Path, count: str
) -> None:
    class Elsewhere(Other):
        def take(self, body: bytes) -> int:
            return 404

    with listening(Elsewhere(valkey.client())) as url:
        options = ("--url", url, "--token", TOKEN, "--json")
        done = run(tmp_path, "simulate", "--rate", "50", "--count", count, *options)
    verdict = json.loads(done.stdout)
    assert done.returncode == 1
    assert "every answer was 404: another --url, --listener or [paths]" in done.stderr
    assert (verdict["nowhere"], verdict["acknowledged"]) == (True, 0)
    assert verdict["sent"] < 100
    assert verdict["seconds"] < 10  # AT&T would come again for a minute


def test_a_sample_to_nowhere_says_what_to_try(receiver: Receiver, tmp_path: Path) -> None:
    (tmp_path / "receiver.toml").write_text(LISTENERS)
    receiver.start_web()
    options = ("--url", receiver.url, "--token", OURS)
    done = run(tmp_path, "send", "mo", *options)
    assert (done.returncode, json.loads(done.stdout)["status"]) == (1, 404)
    assert "another --url, or --listener NAME" in done.stderr
    assert run(tmp_path, "send", "mo", *options, "--listener", "promo").returncode == 0


def test_a_sample_with_the_token_of_another_listener_says_what_to_try(
    receiver: Receiver, tmp_path: Path
) -> None:
    environ = {"REDIS_URL": receiver.valkey.url}
    token = run(tmp_path, "credentials", "add", "--listener", "promo", **environ).stdout.strip()
    receiver.start_web()
    options = ("--url", receiver.url, "--token", token)
    done = run(tmp_path, "send", "mo", *options)
    assert (done.returncode, json.loads(done.stdout)["status"]) == (1, 403)
    assert "--listener NAME" in done.stderr
    assert run(tmp_path, "send", "mo", *options, "--listener", "promo").returncode == 0


def test_the_bare_urls_are_used_where_they_are_open() -> None:
    default = Settings(listeners=(Listener("promo"), Listener("default")))
    assert (Settings().own_listener, default.own_listener) == ("", "")
    assert demo.curl("http://h", "t", "").endswith(" http://h/att/sms/mo")
