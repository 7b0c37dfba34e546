"""`receiver poll` and `receiver polls`, as a user runs them."""

import json
import signal
from pathlib import Path

import pytest

from tests.support.att_gateways import gateway
from tests.support.commands import on_a_terminal, run, running
from tests.support.eventually import eventually
from tests.support.polling import Polled, configured
from tests.support.valkey import Valkey


def test_a_poll_runs_until_it_is_told_to_stop_and_is_listed(valkey: Valkey, tmp_path: Path) -> None:
    with gateway() as double:
        double.control("mo", text="hello")
        polled = Polled(valkey, tmp_path, configured(double.url))
        with running(tmp_path, "poll", **polled.environ) as process:
            eventually(lambda: polled.outcomes() == {"messages": 1})
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        assert polled.texts() == ["hello"]
        listed = run(tmp_path, "polls", "list", **polled.environ)
        found = json.loads(listed.stdout)
        assert (found["name"], found["kind"], found["outcome"]) == (
            "promo",
            "att-inbox",
            "messages",
        )
        assert (found["messages"], found["polls"]) == (1, {"messages": 1})
        assert found["due"] - found["started"] >= 300
        assert "promo" in on_a_terminal(tmp_path, "polls", "list", **polled.environ)
        once = run(tmp_path, "poll", "--once", "promo", **polled.environ)
        done = json.loads(once.stderr.splitlines()[-1])
        assert (once.returncode, done["event"], done["outcome"]) == (0, "poll.once", "empty")


def test_a_round_that_fails_says_why(valkey: Valkey, tmp_path: Path) -> None:
    polled = Polled(valkey, tmp_path, configured("http://127.0.0.1:9"))
    done = run(tmp_path, "poll", "--once", "promo", **polled.environ)
    said = json.loads(done.stderr.splitlines()[-1])
    trouble = "no access token: no connection"
    assert (said["outcome"], said["trouble"]) == ("unreachable", trouble)
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("arguments", "missing", "said"),
    [
        (["--once", "nobody"], "", "--once nobody: there is no such [[poll]], but promo"),
        ([], "ATT_APP_SECRET", "poll 'promo': the environment variable ATT_APP_SECRET is not set"),
        ([], "REDIS_URL", "REDIS_URL is not set: `receiver poll` needs a Redis of yours"),
    ],
)
def test_what_is_not_set_stops_the_start(
    valkey: Valkey, tmp_path: Path, arguments: list[str], missing: str, said: str
) -> None:
    polled = Polled(valkey, tmp_path, configured("http://127.0.0.1:9"))
    environ = {name: value for name, value in polled.environ.items() if name != missing}
    done = run(tmp_path, "poll", *arguments, **environ)
    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.parametrize("secret", ["\udcff", "simulated-secret\n"])
def test_a_secret_that_cannot_be_meant_stops_the_start_and_is_not_shown(
    valkey: Valkey, tmp_path: Path, secret: str
) -> None:
    polled = Polled(valkey, tmp_path, configured("http://127.0.0.1:9"))
    done = run(tmp_path, "poll", "--once", "promo", **polled.environ | {"ATT_APP_SECRET": secret})
    assert done.returncode == 2
    assert "poll 'promo': the environment variable ATT_APP_SECRET holds what no" in done.stderr
    assert "simulated-secret" not in done.stderr
    assert polled.pages() == []


def test_beside_receiver_up_it_finds_the_redis_by_itself(valkey: Valkey, tmp_path: Path) -> None:
    with gateway() as double:
        double.control("mo", text="hello")
        polled = Polled(valkey, tmp_path, configured(double.url))
        environ = polled.environ
        (tmp_path / "redis-url").write_text(environ.pop("REDIS_URL") + "\n")
        with running(tmp_path, "poll", **environ):
            eventually(lambda: polled.texts() == ["hello"])
        once = run(tmp_path, "poll", "--once", "promo", **environ)
        done = json.loads(once.stderr.splitlines()[-1])
        assert (once.returncode, done["event"]) == (0, "poll.once")


def test_without_any_poll_it_waits_and_none_is_listed(valkey: Valkey, tmp_path: Path) -> None:
    polled = Polled(valkey, tmp_path, "")
    with running(tmp_path, "poll", **polled.environ) as process:
        assert process.stderr is not None
        assert any("poll.idle" in line for line in process.stderr)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    listed = run(tmp_path, "polls", "list", **polled.environ)
    assert (listed.returncode, listed.stderr) == (0, "receiver.toml has no [[poll]]\n")
