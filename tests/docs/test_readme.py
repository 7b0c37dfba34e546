import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import readme
from receiver.cli import COMMANDS
from receiver.config import environment
from receiver.config.settings import load
from tests.support.eventually import eventually
from tests.support.valkey import Valkey

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("options", ["", "?protocol=2", "?protocol=3"])
def test_the_consumer_of_the_readme_gets_every_event_and_acknowledges_it(
    valkey: Valkey, options: str
) -> None:
    found = re.search(r"<!-- consumer -->\n```python\n(.*?)```", README, re.DOTALL)
    assert found
    client = valkey.client()
    for number in range(3):
        client.xadd("receiver:events", {"event": f'{{"id": "{number}", "type": "t"}}'})
    environ = os.environ | {"REDIS_URL": valkey.url + options}
    with subprocess.Popen(
        [sys.executable, "-c", found[1]], env=environ, stdout=subprocess.PIPE, text=True
    ) as consumer:
        assert consumer.stdout
        assert [consumer.stdout.readline() for _ in range(3)] == [
            "0 t None\n",
            "1 t None\n",
            "2 t None\n",
        ]
        eventually(lambda: client.xpending("receiver:events", "billing")["pending"] == 0)
        consumer.kill()


def test_the_consumer_of_the_readme_takes_over_what_a_dead_one_left(valkey: Valkey) -> None:
    found = re.search(r"<!-- consumer -->\n```python\n(.*?)```", README, re.DOTALL)
    assert found
    client = valkey.client()
    client.xgroup_create("receiver:events", "billing", id="0", mkstream=True)
    entry = client.xadd("receiver:events", {"event": '{"id": "left", "type": "t"}'})
    client.xreadgroup("billing", "dead", {"receiver:events": ">"})
    client.xclaim("receiver:events", "billing", "dead", 0, [entry], idle=120_000)
    environ = os.environ | {"REDIS_URL": valkey.url}
    with subprocess.Popen(
        [sys.executable, "-c", found[1]], env=environ, stdout=subprocess.PIPE, text=True
    ) as consumer:
        assert consumer.stdout
        assert consumer.stdout.readline() == "left t None\n"
        consumer.kill()


def test_the_readme_names_every_variable_and_every_command() -> None:
    names = {one.name for one in environment.VARIABLES} | {"RECEIVER_CONFIG", "RECEIVER_TOKEN"}
    assert [name for name in names if f"`{name}`" not in README] == []
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


def test_the_measured_figures_are_those_of_the_last_runs() -> None:
    """After a benchmark or a chaos run: `python -m benchmarks.readme`."""
    assert f"<!-- measured -->\n{readme.block()}<!-- /measured -->" in README
