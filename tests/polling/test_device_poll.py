"""Polled devices: an event when a state has changed, and only then."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.config import devices
from receiver.contract.redis_keys import poll_devices
from receiver.intake.inbound_writer import Inbound
from tests.support.commands import run
from tests.support.operators import PHONE, Simulated, simulated
from tests.support.polling import Polled, remembered
from tests.support.valkey import Valkey

OTHER = "+12065550101"


@pytest.fixture
def operator() -> Iterator[Simulated]:
    with simulated() as found:
        yield found


@pytest.fixture
def polled(valkey: Valkey, tmp_path: Path, operator: Simulated) -> Polled:
    toml = f"""
[[operator]]
name = "sim"
status = "{operator.url}/device-reachability-status/v1"
roaming_status = "{operator.url}/device-roaming-status/v1"
rate = 500
auth = {{ kind = "client_credentials", token_url = "{operator.url}/oauth/token", \
client_id = "simulated-client", secret_env = "SIM" }}
[[poll]]
name = "promo"
kind = "camara-device"
operator = "sim"
devices = ["{PHONE}", "{OTHER}"]
listener = "fleet"
"""
    polled = Polled(valkey, tmp_path, toml)
    polled.more["SIM"] = "simulated-secret"
    return polled


def change(operator: Simulated, phone: str = PHONE, **state: object) -> None:
    operator.control("devices", device={"phoneNumber": phone}, **state)


def test_a_change_is_an_event_and_nothing_else_is(polled: Polled, operator: Simulated) -> None:
    assert polled.once().outcome == "empty"
    assert polled.once().outcome == "empty"
    assert polled.events() == []
    change(operator, connectivity=["SMS"])
    assert polled.once().outcome == "messages"
    assert polled.once().outcome == "empty"
    (event,) = polled.events()
    assert {key: event[key] for key in ("type", "source", "subject", "identitybasis")} == {
        "type": "device.reachability.changed.v1",
        "source": "/camara/device-status/fleet",
        "subject": PHONE,
        "identitybasis": "composite",
    }
    assert event["data"]["reachable"] is True
    assert event["data"]["connectivity"] == ["SMS"]
    assert event["data"]["device"] == {"phoneNumber": PHONE}
    assert event["data"]["raw"]["status"]["reachable"] is True
    assert max(remembered(polled.redis)) <= 3600


def test_roaming_and_another_device_change_by_themselves(
    polled: Polled, operator: Simulated
) -> None:
    polled.once()
    change(operator, OTHER, roaming=True, country_code=262, country_name=["DE"])
    change(operator, connectivity=[])
    polled.once()
    events = {event["type"]: event for event in polled.events()}
    roaming = events["device.roaming.changed.v1"]
    assert (roaming["subject"], roaming["data"]["roaming"]) == (OTHER, True)
    assert (roaming["data"]["countryCode"], roaming["data"]["countryName"]) == (262, ["DE"])
    assert events["device.reachability.changed.v1"]["data"]["reachable"] is False
    assert polled.state()["messages"] == "2"


def test_a_change_that_comes_back_is_a_change_again(polled: Polled, operator: Simulated) -> None:
    polled.once()
    for connectivity in ([], ["DATA"], []):
        change(operator, connectivity=connectivity)
        polled.once()
    found = [event["data"]["reachable"] for event in polled.events()]
    assert found == [False, True, False]


def test_a_process_that_dies_before_the_state_is_stored_repeats_nothing(
    polled: Polled, operator: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    polled.once()
    change(operator, connectivity=[])
    append = Inbound.append

    async def dying(*arguments: object) -> None:
        await append(*arguments)  # type: ignore[arg-type]
        raise KeyError

    with monkeypatch.context() as patch:
        patch.setattr(Inbound, "append", dying)
        with pytest.raises(KeyError):
            polled.once()
    polled.once()
    assert (len(polled.inbound()), len(polled.events())) == (2, 1)


@pytest.mark.parametrize(
    "record", [b"none", b"\xff", b"[1]", b'{"states":{"reachability":{}},"since":{}}']
)
def test_a_state_that_another_program_wrote_is_one_that_is_not_known(
    polled: Polled, operator: Simulated, record: bytes
) -> None:
    polled.once()
    key = poll_devices("promo")
    for name in polled.redis.hkeys(key):
        polled.redis.hset(key, name, record)
    assert polled.once().outcome == "empty"
    change(operator, connectivity=[])
    assert polled.once().outcome == "messages"


def test_the_last_state_of_a_persons_device_is_shown_and_erased(
    polled: Polled, operator: Simulated, tmp_path: Path
) -> None:
    polled.once()
    told = run(tmp_path, "export-person", PHONE, **polled.environ).stdout
    (shown,) = map(json.loads, told.splitlines())
    assert shown["kind"] == "device-state"
    assert shown["stored"]["states"]["reachability"]
    said = run(tmp_path, "erase", PHONE, "--yes", "--json", **polled.environ).stdout
    assert json.loads(said)["erased"] == {"device-state": 1}
    assert polled.redis.hlen(poll_devices("promo")) == 1
    told = run(tmp_path, "export-person", OTHER, **polled.environ).stdout
    assert told.count("\n") == 1


def test_an_operator_that_does_not_answer_is_said(polled: Polled, operator: Simulated) -> None:
    polled.once()
    change(operator, refuse="SERVICE_NOT_APPLICABLE")
    change(operator, OTHER, refuse="SERVICE_NOT_APPLICABLE")
    done = polled.once()
    assert done.outcome == "unreachable"
    assert "it cannot say it of this device (422" in done.trouble
    assert PHONE not in done.trouble
    assert polled.events() == []


@pytest.mark.parametrize(
    ("operation", "status", "outcome"),
    [
        ("token", 401, "unauthorised"),
        ("retrieve", 401, "unauthorised"),
        ("retrieve", 429, "throttled"),
        ("retrieve", 503, "unreachable"),
    ],
)
def test_why_an_operator_says_nothing_of_any_device_is_the_outcome(
    polled: Polled, operator: Simulated, operation: str, status: int, outcome: str
) -> None:
    operator.control("faults", operation=operation, effect="status", status=status, times=0)
    assert polled.once().outcome == outcome
    assert polled.state()[f"polls:{outcome}"] == "1"
    operator.control("clear-faults")
    assert polled.once().outcome == "empty"


def test_a_file_of_devices_that_is_being_written_is_waited_for(
    polled: Polled, operator: Simulated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a number that is cut short is asked for, which is somebody else's."""
    toml, file = tmp_path / "receiver.toml", tmp_path / "fleet.txt"
    inline = f'devices = ["{PHONE}", "{OTHER}"]'
    toml.write_text(toml.read_text().replace(inline, 'devices_file = "fleet.txt"'))
    monkeypatch.setattr(devices, "SETTLED", 1.0)
    whole = f"{PHONE}\n{OTHER}\n"
    file.write_text(whole[:-4])
    writing = threading.Timer(0.3, file.write_text, [whole])
    writing.start()
    assert polled.once().outcome == "empty"
    writing.join()
    asked = [json.loads(one.body) for one in operator.sent if b"phoneNumber" in one.body]
    assert {one["device"]["phoneNumber"] for one in asked} == {PHONE, OTHER}


def test_a_process_that_ends_while_a_file_of_devices_is_written_says_nothing_of_the_operator(
    polled: Polled, operator: Simulated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toml, file = tmp_path / "receiver.toml", tmp_path / "fleet.txt"
    inline = f'devices = ["{PHONE}", "{OTHER}"]'
    toml.write_text(toml.read_text().replace(inline, 'devices_file = "fleet.txt"'))
    monkeypatch.setattr(devices, "SETTLED", 3600)
    file.write_text(f"{PHONE}\n{OTHER}\n")
    polled.until(lambda: "started" in polled.state())
    assert polled.outcomes() == {"skipped": 1}
