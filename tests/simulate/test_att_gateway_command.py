"""The command `receiver simulate gateway`, its scenario file, and its verdict on a stream."""

import signal
from pathlib import Path

import httpx2
import msgspec
import pytest
import redis
from click.testing import CliRunner

from receiver.cli.simulate.gateway import command
from receiver.simulate.att_gateway.scenario import Scenario, load
from receiver.simulate.scenario import ScenarioError
from tests.support.att_gateways import INBOX, SimulatedGateway
from tests.support.commands import free_port, running
from tests.support.eventually import eventually
from tests.support.pages import snippet
from tests.support.valkey import Valkey


def test_the_command_serves_and_judges_what_comes_out_on_a_stream(
    tmp_path: Path, valkey: Valkey
) -> None:
    port = free_port()
    (tmp_path / "scenario.toml").write_text("[gateway]\ntoken_life = 20\npage_size = 2\n")
    started = ["simulate", "gateway", "scenario.toml", "--port", str(port)]
    started += ["--redis-url", valkey.url, "--from-stream", "events"]
    stream = redis.Redis.from_url(valkey.url)
    stream.xadd("events", {"event": '{"text": "Message 0000001"}'})  # of an earlier run
    with running(tmp_path, *started) as process, httpx2.Client(trust_env=False) as http:
        assert process.stderr
        assert f"127.0.0.1:{port}/oauth/v4/token" in process.stderr.readline()
        base = f"http://127.0.0.1:{port}"
        eventually(lambda: _answers(http, f"{base}/_books"))
        form = {"grant_type": "client_credentials", "scope": "SMS"}
        client = httpx2.BasicAuth("simulated-client", "simulated-secret")
        token = http.post(f"{base}/oauth/v4/token", data=form, auth=client).json()
        assert token["expires_in"] == 20
        http.post(f"{base}/_control/mo", json={"count": 3})
        headers = {"authorization": f"Bearer {token['access_token']}"}
        http.get(f"{base}{INBOX}", headers=headers)
        stream.xadd("events", {"event": b'{"text": "\xff"}'})  # of somebody else
        assert http.get(f"{base}/_verdict").json()["lost"] == 2
        for number in (1, 2, 2):
            event = {"data": {"text": f"Message {number:07d}"}}
            stream.xadd("events", {"event": msgspec.json.encode(event)})
        found = http.get(f"{base}/_verdict").json()
        assert (found["lost"], found["duplicated"], found["waiting"]) == (0, 1, 1)
        process.send_signal(signal.SIGINT)
        printed, faults = process.communicate(timeout=60)
    stream.close()
    assert process.returncode == 1
    assert "handed: 2\npublished: 3\nlost: 0\nduplicated: 1\nwindow: 0\n" in printed
    assert "receiver: 1 published more often than handed over\n" in faults


def _answers(http: httpx2.Client, url: str) -> bool:
    try:
        return http.get(url).status_code == 200
    except httpx2.ConnectError:
        return False


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[gateway]\nminute = 1.0\npage_size = 0\n", ":3: Expected `int` >= 1"),
        ("[faults]\n\ncut_fin = 2\n", ":3: Expected `float` <= 1.0"),
        ("seed = 1\n[faults]\nfire = 1\n", ":3: Object contains unknown field `fire`"),
        ("[gateway]\n[fire]\n", ":2: Object contains unknown field `fire`"),
        ('[[fault]]\nroute = "inbox"\neffect = "fire"\n', ":3: Invalid enum value 'fire'"),
        (
            '[[fault]]\neffect = "drip"\n[[fault]]\neffect = "fire"\n',
            ":4: Invalid enum value 'fire'",
        ),
        ("seed = -1\n[gateway]\n", ":1: Expected `int` >= 0"),
        ("seed = \n", ": Invalid value (at line 1"),
        ("[faults]\ncut_fin = 0.7\nstall = 0.4\n", ": faults: cut_fin, cut_rst,"),
        ("client = []\n", ": client: at least one is wanted"),
    ],
)
def test_a_bad_scenario_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "scenario.toml"
    file.write_text(text)
    with pytest.raises(ScenarioError) as raised:
        load(file)
    assert str(raised.value).startswith(f"{file}{said}")
    assert "\n" not in str(raised.value)


def test_without_a_stream_there_is_no_verdict(double: SimulatedGateway) -> None:
    answer = double.http.get("/_verdict")
    assert answer.status_code == 409
    assert "--redis-url" in answer.json()["message"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["scenario.toml"], "scenario.toml:2: Expected `float` > 0"),
        (["--redis-url", f"redis://127.0.0.1:{free_port()}"], "--redis-url: "),
        (["--redis-url", "nonsense"], "--redis-url: "),
        (["--host", "192.0.2.1"], "--host 192.0.2.1 --port 8099: "),
    ],
)
def test_the_command_refuses_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scenario.toml").write_text("[gateway]\nminute = 0\n")
    port = [] if "--host" in arguments else ["--port", str(free_port())]
    done = CliRunner().invoke(command, [*arguments, *port])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith(f"receiver: {said}")


def test_the_scenario_file_of_the_page_has_every_default(tmp_path: Path) -> None:
    shown = tmp_path / "shown.toml"
    shown.write_text(snippet("simulate.md", "gateway.toml"))
    found = load(shown)
    assert (len(found.online), len(found.fault)) == (1, 1)
    assert msgspec.structs.replace(found, online=(), fault=()) == Scenario()
    names = set(msgspec.toml.decode(shown.read_bytes()))
    assert names == {field.name for field in msgspec.structs.fields(Scenario)}
