"""`receiver poll` takes a changed `receiver.toml` while it runs."""

import signal
import subprocess
from pathlib import Path

from receiver.contract.redis_keys import poll_lease
from tests.support.att_gateways import gateway
from tests.support.commands import running
from tests.support.eventually import eventually
from tests.support.polling import Polled, configured
from tests.support.put import put
from tests.support.valkey import Valkey


def test_polls_that_come_into_the_file_are_polled_and_those_that_go_are_let_go(
    valkey: Valkey, tmp_path: Path
) -> None:
    with gateway() as double:
        double.control("mo", text="hello")
        polled, file = Polled(valkey, tmp_path, ""), tmp_path / "receiver.toml"
        with running(tmp_path, "poll", **polled.environ) as process:
            _read_until(process, "poll.idle")
            _change(process, file, configured(double.url))
            eventually(lambda: polled.outcomes() == {"messages": 1})
            lease = poll_lease("promo")
            assert polled.redis.get(lease)
            _change(process, file, configured(double.url, "every = 5"))  # that is too often
            _read_until(process, "config.refused")
            assert polled.redis.get(lease)
            _change(process, file, configured(double.url, "every = 600"))
            _read_until(process, "config.taken")
            eventually(lambda: polled.state().get("every") == "600")
            _change(process, file, "")
            eventually(lambda: not polled.redis.get(lease))
            assert process.poll() is None
        assert polled.texts() == ["hello"]
        assert polled.outcomes() == {"messages": 1}  # it was not asked again before its time


def _change(process: "subprocess.Popen[str]", file: Path, text: str) -> None:
    put(file, text)
    process.send_signal(signal.SIGHUP)


def _read_until(process: "subprocess.Popen[str]", event: str) -> None:
    assert process.stderr
    for line in process.stderr:
        if event in line:
            return
    raise AssertionError(event)
