"""The page on CAMARA subscriptions: its programs, against a simulated operator."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from typing import Any

import pytest

from receiver.simulate.operator.scenario import Authentication, Scenario
from tests.support.eventually import eventually
from tests.support.operators import API, Simulated, simulated
from tests.support.pages import snippet
from tests.support.running import TOKEN, Receiver

PAGE = "subscribing-camara.md"
KEY = {"x-rapidapi-key": "made-up"}


@pytest.fixture
def operator() -> Iterator[Simulated]:
    """One that admits everybody, but Nokia's clients by their key."""
    with simulated(Scenario(authentication=Authentication(kind="none", headers=KEY))) as found:
        yield found


@pytest.fixture
def nokia(operator: Simulated) -> Simulated:
    """An operator that wants Nokia's header."""
    operator.control("settings", authentication={"kind": "headers"})
    return operator


def environ(operator: Simulated, sink: str, *, root: str = "") -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ} | {
        "CAMARA_URL": f"{operator.url}/{API}/v0.8",
        "CAMARA_TOKEN": "made-up",
        "NAC_URL": operator.url + root,
        "NAC_TOKEN": KEY["x-rapidapi-key"],
        "SINK": sink,
        "SINK_TOKEN": TOKEN,
    }


ROOTS = {"8": f"/device-status/{API}/v0.7", "10": ""}
"""What the packages want as their address: 8.0 that of the API, 10 that of all of them."""


def version() -> str:
    """Of `network-as-code`, which is nobody's dependency here; empty where it is not installed."""
    try:
        return metadata.version("network-as-code")
    except metadata.PackageNotFoundError:
        return ""


def program(operator: Simulated, sink: str, text: str) -> "subprocess.CompletedProcess[str]":
    """Run a program with the package that is installed."""
    major = version().partition(".")[0]
    environment = environ(operator, sink, root=ROOTS[major])
    command = [sys.executable, "-c", text]
    return subprocess.run(
        command, env=environment, timeout=120, capture_output=True, text=True, check=False
    )


def only(major: str) -> pytest.MarkDecorator:
    found = version().partition(".")[0]
    return pytest.mark.skipif(found != major, reason=f"network-as-code {major} is not installed")


def taken(operator: Simulated, receiver: Receiver) -> None:
    """Await that the initial event was accepted with its token and been published."""
    eventually(lambda: operator.books()["deliveries"] == {"204": 1})
    [made] = operator.books()["subscriptions"]
    assert made["tokenExpiresAt"] == "2031-01-02T00:00:00.000Z"
    receiver.start_worker()
    receiver.settled()
    [event] = receiver.events()
    assert event["type"] == "device.reachability.changed.v1"
    assert event["data"]["subscriptionId"] == made["id"]


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl on this machine")
def test_the_request_of_the_page_brings_notifications_that_are_taken(
    operator: Simulated, receiver: Receiver
) -> None:
    receiver.start_web()
    command = ["/bin/sh", "-eu", "-c", snippet(PAGE, "subscribe.sh")]
    sink = f"{receiver.url}/camara/notifications/fleet"
    subprocess.run(command, env=environ(operator, sink), check=True, timeout=60)
    taken(operator, receiver)


@pytest.mark.parametrize("major", [pytest.param(each, marks=only(each)) for each in ("8", "10")])
def test_nokia_s_packages_subscribe_so_that_notifications_are_taken(
    nokia: Simulated, receiver: Receiver, major: str
) -> None:
    receiver.start_web()
    sink = f"{receiver.url}/camara/notifications/fleet"
    done = program(nokia, sink, snippet(PAGE, f"nac{major}.py"))
    assert done.returncode == 0, done.stderr
    taken(nokia, receiver)
    assert done.stdout == nokia.books()["subscriptions"][0]["id"] + "\n"


@only("10")
def test_network_as_code_10_loses_the_id_of_a_202(nokia: Simulated) -> None:
    nokia.control("settings", creation={"answer": 202})
    done = program(nokia, "https://127.0.0.1:1/x", snippet(PAGE, "nac10.py"))
    assert "ParsingError" in done.stderr
    assert nokia.books()["live"] == 1


@only("10")
@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 409}])
def test_network_as_code_10_repeats_a_creation_unless_it_is_told_not_to(
    nokia: Simulated, fault: dict[str, Any]
) -> None:
    text = snippet(PAGE, "nac10.py")
    assert '    request_options={"max_retries": 0},\n' in text
    for told, times in ((text, 1), (text.replace('{"max_retries": 0}', "None"), 3)):
        nokia.control("clear-faults")
        nokia.control("faults", operation="create", effect="applied-status", times=0, **fault)
        before = nokia.books()["live"]
        program(nokia, "https://127.0.0.1:1/x", told)
        assert nokia.books()["live"] == before + times


READ = "\nread = client.device_status.get_reachability_subscription(subscription.id)\n"


@only("8")
def test_network_as_code_8_reads_and_deletes_what_it_made(nokia: Simulated) -> None:
    nokia.control("settings", creation={"answer": 202})
    text = snippet(PAGE, "nac8.py") + READ + "read.delete()\n"
    done = program(nokia, "https://127.0.0.1:1/x", text)
    assert done.returncode == 0, done.stderr
    requests = nokia.books()["requests"]
    assert requests == {"create 202": 1, "get 200": 1, "delete 204": 1}


@only("8")
def test_network_as_code_8_cannot_read_a_subscription_without_a_status(nokia: Simulated) -> None:
    nokia.control("settings", creation={"show_status": False})
    done = program(nokia, "https://127.0.0.1:1/x", snippet(PAGE, "nac8.py") + READ)
    assert "KeyError: 'status'" in done.stderr


@only("8")
def test_network_as_code_8_cannot_read_a_list_of_pages(nokia: Simulated) -> None:
    nokia.control("settings", list={"form": "pages"})
    address = 'reachability_base_url=os.environ["NAC_URL"]'
    both = f"{address}, {address.replace('reachability', 'roaming')},  #"
    text = snippet(PAGE, "nac8.py").replace("reachability_base_url=", f"{both} ")
    done = program(
        nokia, "https://127.0.0.1:1/x", f"{text}client.device_status.get_subscriptions()\n"
    )
    assert "TypeError" in done.stderr
