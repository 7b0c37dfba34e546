import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from benchmarks import readme
from receiver.cli import COMMANDS
from receiver.config.settings import load
from receiver.events import SmsMessageReceived, parse
from tests.support import published
from tests.support.command_line import here
from tests.support.eventually import eventually
from tests.support.pages import blocks
from tests.support.valkey import Valkey

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


@contextmanager
def consumer(valkey: Valkey, options: str = "") -> Iterator[IO[str]]:
    """What the README's consumer prints, while it runs; Ctrl-C ends it, and nothing is said."""
    found = re.search(r"<!-- consumer -->\n```python\n(.*?)```", README, re.DOTALL)
    assert found
    environ = os.environ | {"REDIS_URL": valkey.url + options}
    with subprocess.Popen(
        [sys.executable, "-c", found[1]],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        try:
            yield process.stdout
            process.send_signal(signal.SIGINT)
            assert (process.communicate(timeout=60)[1], process.returncode) == ("", 0)
        finally:
            process.kill()


def message(name: str) -> str:
    [event] = dict(published.samples())["mo"]
    data = event["data"] | {"from": "+12065550100", "text": "Hello"}
    return json.dumps(event | {"id": name, "subject": "+12065550100", "data": data})


SHOWN = "{} sms.message.received.v1 +12065550100\n", "+12065550100 Hello\n"


@pytest.mark.parametrize("options", ["", "?protocol=2", "?protocol=3"])
def test_the_consumer_of_the_readme_gets_every_event_and_acknowledges_it(
    valkey: Valkey, options: str
) -> None:
    client = valkey.client()
    for name in ("one", "two"):
        client.xadd("receiver:events", {"event": message(name)})
    with consumer(valkey, options) as printed:
        for name in ("one", "two"):
            assert [printed.readline(), printed.readline()] == [x.format(name) for x in SHOWN]
        eventually(lambda: client.xpending("receiver:events", "billing")["pending"] == 0)


def test_the_readme_names_every_command() -> None:
    assert [
        name for name in COMMANDS if f"receiver {name}" not in README and name not in README
    ] == []


def test_the_sinks_of_the_readme_are_read_as_they_stand(tmp_path: Path) -> None:
    found = re.search(r"<!-- sinks -->\n```toml\n(.*?)```", README, re.DOTALL)
    assert found
    file = tmp_path / "receiver.toml"
    file.write_text(found[1])
    assert [sink.name for sink in load({"RECEIVER_CONFIG": str(file)}).sinks] == [
        "billing",
        "jobs",
        "copy",
    ]


def test_the_event_of_the_readme_is_one_of_its_type() -> None:
    found = re.search(r"```json\n(\{\s+\"specversion\".*?)```", README, re.DOTALL)
    assert found
    event = parse(found[1])
    assert isinstance(event, SmsMessageReceived)
    assert event.receiptid


def test_the_measured_figures_are_those_of_the_last_runs() -> None:
    """After a benchmark or a chaos run: `python -m benchmarks.readme`."""
    assert f"<!-- measured -->\n{readme.block()}<!-- /measured -->" in README


def test_all_that_it_configures_is_well_together(tmp_path: Path) -> None:
    """Whoever copies one block after the other into one file has no fault in it."""
    texts = [one.text for one in blocks(ROOT / "README.md") if one.language == "toml"]
    texts.sort(key=lambda text: not text.startswith("public_url"))  # "before all tables"
    (tmp_path / "receiver.toml").write_text("\n".join(texts))
    (tmp_path / "fleet.txt").write_text("+12065550100\n")
    secret, more = "whsec_" + "c2VjcmV0" * 4, {"RECEIVER_PARK_DIR": str(tmp_path)}
    environ: Any = dict.fromkeys(("BILLING_SECRET", "BILLING_SECRET_NEXT"), secret) | more
    environ |= {"BILLING_AUTH": "x", "NAC_KEY": "x"}
    done = here(tmp_path, "config", "check", **environ)
    assert (done.code, done.out) == (0, "")
