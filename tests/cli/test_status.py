"""`receiver status`: what an operator says of a device, in one shape whoever it is."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from receiver.cli.status import command
from tests.support.commands import free_port, on_a_terminal
from tests.support.operators import PHONE, Simulated, simulated

HEADERS = 'auth = { kind = "headers", headers_env = { x-rapidapi-key = "NAC_KEY" } }'


@pytest.fixture(scope="module")
def operator() -> Iterator[Simulated]:
    with simulated() as found:
        yield found


@pytest.fixture(autouse=True)
def directory(operator: Simulated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A receiver.toml with AT&T's form, CAMARA's, and its version 0.6, all of one operator."""
    oauth = f"""auth = {{ kind = "client_credentials", token_url = "{operator.url}/oauth/token", \
client_id = "simulated-client", secret_env = "SIM" }}"""
    (tmp_path / "receiver.toml").write_text(f"""
[[operator]]
name = "att"
status = "{operator.url}/camara/device-status/v1"
{oauth}
[[operator]]
name = "camara"
status = "{operator.url}/device-status/device-reachability-status/v1"
roaming_status = "{operator.url}/device-status/device-roaming-status/v1"
{oauth}
[[operator]]
name = "older"
status = "{operator.url}/device-reachability-status/v0.6"
{oauth}
[[operator]]
name = "away"
status = "http://127.0.0.1:{free_port()}/device-reachability-status/v1"
{HEADERS}
[[operator]]
name = "mute"
reachability = "{operator.url}/device-reachability-status-subscriptions/v0.8"
{HEADERS}
""")
    monkeypatch.chdir(tmp_path)
    for name in ("RECEIVER_CONFIG", "NAC_KEY", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SIM", "simulated-secret")
    operator.control("devices", device={"phoneNumber": PHONE}, refuse="", roaming=False)
    operator.control("devices", device={"phoneNumber": PHONE}, connectivity=["DATA", "SMS"])
    return tmp_path


def status(*words: str, device: str = PHONE) -> Result:
    found = CliRunner().invoke(command, [device, *words])
    assert device.lstrip("+") not in found.output
    assert found.exception is None or isinstance(found.exception, SystemExit)
    return found


def document(*words: str) -> Any:
    found = status(*words)
    assert (found.exit_code, found.stderr) == (0, "")
    return json.loads(found.stdout)


def test_att_and_camara_say_the_same_in_the_same_words(operator: Simulated) -> None:
    germany: dict[str, Any] = {"roaming": True, "country_code": 262, "country_name": ["DE"]}
    operator.control("devices", device={"phoneNumber": PHONE}, **germany)
    att, camara = document("--operator", "att"), document("--operator", "camara")
    assert att == {
        "operator": "att",
        "reachable": True,
        "connectivity": ["DATA"],
        "roaming": True,
        "countryCode": 262,
        "countryName": ["DE"],
        "lastStatusTime": None,
        "faults": {},
    }
    assert camara.pop("lastStatusTime")
    assert camara.items() >= {"reachable": True, "connectivity": ["DATA", "SMS"]}.items()
    assert camara.items() >= {"countryCode": 262, "countryName": ["DE"]}.items()


@pytest.mark.parametrize(
    ("connectivity", "said"), [(["SMS"], ["SMS"]), (["DATA"], ["DATA"]), ([], [])]
)
@pytest.mark.parametrize("name", ["att", "camara", "older"])
def test_what_a_device_is_reachable_by(
    operator: Simulated, name: str, connectivity: list[str], said: list[str]
) -> None:
    operator.control("devices", device={"phoneNumber": PHONE}, connectivity=connectivity)
    found = document("--operator", name)
    assert (found["reachable"], found["connectivity"]) == (bool(said), said)
    roaming = None if name == "older" else False
    assert (found["roaming"], found["countryCode"], found["countryName"]) == (roaming, None, [])


def test_a_person_sees_a_table(directory: Path) -> None:
    seen = on_a_terminal(directory, "status", PHONE, "--operator", "att", SIM="simulated-secret")
    plain = re.sub("\x1b\\[[0-9;]*m", "", seen)
    assert [line.split() for line in plain.splitlines()] == [
        ["operator", "att"],
        ["reachable", "yes"],
        ["connectivity", "DATA"],
        ["roaming", "no"],
        ["country", "-"],
        ["last", "status", "-"],
    ]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"status": 404, "code": "IDENTIFIER_NOT_FOUND"}, "it does not know this device (404"),
        ({"status": 404}, "it does not know this device, or the URL in receiver.toml is wrong"),
        (
            {"status": 404, "code": PHONE},
            "it does not know this device, or the URL in receiver.toml is wrong (404)",
        ),
        ({"status": 403}, "it does not permit this: consent or a permission is missing (403"),
        ({"status": 422}, "it cannot say it of this device (422 SERVICE_NOT_APPLICABLE)"),
        ({"status": 429, "retry_after": 7}, "too many requests (429 TOO_MANY_REQUESTS): again in"),
        ({"status": 503}, "it has a fault of its own (503 UNAVAILABLE): try again later"),
        ({"status": 400}, "it refuses the request (400 INVALID_ARGUMENT)"),
        ({"effect": "unreadable"}, "its answer is no JSON object"),
        ({"effect": "lost"}, "the connection ended before the whole answer"),
    ],
)
def test_what_an_operator_refuses_is_said_in_a_sentence(
    operator: Simulated, fault: dict[str, Any], said: str
) -> None:
    order = {"operation": "retrieve", "effect": "status", **fault}
    operator.control("faults", **order)
    found = status("--operator", "older")
    assert found.exit_code == 1
    assert f"receiver: operator 'older', reachability: {said}" in found.stderr
    assert json.loads(found.stdout)["reachable"] is None


def test_of_two_answers_the_one_that_came_is_shown(operator: Simulated) -> None:
    operator.control("faults", operation="retrieve", effect="status", status=403, skip=1)
    found = status("--operator", "camara")
    assert found.exit_code == 1
    document = json.loads(found.stdout)
    assert (document["reachable"] is None) != (document["roaming"] is None)
    assert len(document["faults"]) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--operator: one of att, camara, older, away is wanted"),
        (["--operator", "nobody"], "receiver.toml has no operator 'nobody', but att, camara"),
        (["--operator", "mute"], "operator 'mute' has no status = URL in receiver.toml"),
        (["--operator", "away"], "operator 'away': the environment variable NAC_KEY is not set"),
    ],
)
def test_a_wrong_option_or_setting_is_said_before_anything_is_sent(
    operator: Simulated, words: list[str], said: str
) -> None:
    before = operator.books()["requests"]
    found = status(*words)
    assert (found.exit_code, found.stdout) == (2, "")
    assert said in found.stderr
    assert operator.books()["requests"] == before


def test_what_is_no_device_is_not_repeated(directory: Path) -> None:
    found = status("--operator", "att", device="12065550177")
    assert found.exit_code == 2
    assert "DEVICE: a phone number such as +12065550100" in found.stderr
    (directory / "receiver.toml").write_text("")
    assert "declares no [[operator]]" in status().stderr


def test_who_we_are_is_not_accepted_and_who_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SIM", "another-secret")
    found = status("--operator", "older")
    assert found.exit_code == 1
    assert "no access token: 401 invalid_client" in found.stderr
    assert "another-secret" not in found.output
    monkeypatch.setenv("SIM", "\udcff")
    found = status("--operator", "older")
    assert (found.exit_code, "SIM holds what no secret has" in found.stderr) == (2, True)
    monkeypatch.setenv("NAC_KEY", "k")
    found = status("--operator", "away")
    assert (found.exit_code, "no connection" in found.stderr) == (1, True)
