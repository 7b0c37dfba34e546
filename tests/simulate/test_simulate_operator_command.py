from pathlib import Path

import httpx2
import msgspec
import pytest

from receiver.simulate.operator.scenario import Scenario, load
from tests.support.commands import free_port, run, running
from tests.support.eventually import eventually
from tests.support.operators import API, simulated
from tests.support.pages import snippet


def test_the_command_serves_until_it_is_interrupted(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "scenario.toml").write_text(
        'seed = 3\n[authentication]\nkind = "headers"\nheaders = {x-rapidapi-key = "k"}\n'
    )
    command = ["simulate", "operator", "scenario.toml", "--port", str(port)]
    with running(tmp_path, *command) as process, httpx2.Client(trust_env=False) as http:
        assert process.stderr
        assert f"127.0.0.1:{port}/" in process.stderr.readline()
        base = f"http://127.0.0.1:{port}/{API}/v0.7/subscriptions"
        eventually(lambda: _answers(http, base))
        assert http.get(base).status_code == 401
        assert http.get(base, headers={"x-rapidapi-key": "k"}).json() == []
    assert process.returncode == 0


def _answers(http: httpx2.Client, url: str) -> bool:
    try:
        return http.get(url).status_code > 0
    except httpx2.ConnectError:
        return False


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[creation]\nanswer = 200\n", "scenario.toml:2: Invalid enum value 200"),
        ('[[fault]]\neffect = "fire"\n', "scenario.toml:2: Invalid enum value 'fire'"),
        ("unknown = 1\n", "scenario.toml:1: Object contains unknown field `unknown`"),
        ("[[client]]\njwks = 'none.json'\n", "none.json: No such file or directory"),
    ],
)
def test_a_bad_scenario_is_refused_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "scenario.toml").write_text(text)
    port = str(free_port())
    done = run(tmp_path, "simulate", "operator", "scenario.toml", "--port", port)
    assert done.returncode == 2
    assert done.stderr.startswith(f"receiver: {said}")
    assert done.stderr.count("\n") == 1


def test_a_port_that_is_taken_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with simulated() as operator:
        port = operator.url.rpartition(":")[2]
        done = run(tmp_path, "simulate", "operator", "--port", port)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"--port {port}: Address already in use" in done.stderr


def test_a_scenario_file_called_operator_is_still_one(tmp_path: Path) -> None:
    (tmp_path / "operator").write_text("x = [")
    done = run(tmp_path, "simulate", "./operator", "--json")
    assert done.returncode == 2
    assert done.stderr.startswith("receiver: operator: ")


def test_the_scenario_file_of_the_page_has_every_default(tmp_path: Path) -> None:
    shown = tmp_path / "shown.toml"
    shown.write_text(snippet("simulate.md", "operator.toml"))
    found = load(shown)
    assert (len(found.device), len(found.fault)) == (1, 1)
    assert msgspec.structs.replace(found, device=(), fault=()) == Scenario()
    names = set(msgspec.toml.decode(shown.read_bytes()))
    assert names == {field.name for field in msgspec.structs.fields(Scenario)}
