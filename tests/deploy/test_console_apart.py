"""Wherever it is run, the console listens on its own machine only, and nothing leads to it."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from receiver.cli.up import console
from tests.support.commands import ROOT
from tests.support.deployed import documents

DEPLOY = ROOT / "deploy"
LOOPBACK = "HOST=127.0.0.1"
PROXIES = ["nginx/receiver.conf", "caddy/Caddyfile"]


def read(path: str) -> str:
    return (DEPLOY / path).read_text("utf-8")


def manifests() -> list[dict[str, Any]]:
    """All that stands in the Kubernetes files, put together or not."""
    files = sorted((DEPLOY / "kubernetes").rglob("*.yaml"))
    return [one for path in files for one in documents(path.read_text("utf-8")) if one]


def test_what_the_web_process_is_told_of_its_address_is_not_the_console_s() -> None:
    unit = read("systemd/receiver-console.service")
    (command,) = re.findall(r"^ExecStart=(.+)$", unit, re.MULTILINE)
    assert command.split()[:2] == ["/usr/bin/env", LOOPBACK]  # after EnvironmentFile
    (started,) = re.findall(r"^console: (.+)$", (ROOT / "Procfile").read_text(), re.MULTILINE)
    assert started == f"{LOOPBACK} receiver console"
    (pod,) = (
        one["spec"]["template"]["spec"]["containers"]
        for one in manifests()
        if one["kind"] == "Deployment" and one["metadata"]["name"] == "console"
    )
    assert {"name": "HOST", "value": "127.0.0.1"} in pod[0]["env"]
    assert "ports" not in pod[0]


def test_receiver_up_starts_it_on_this_machine_wherever_the_web_process_listens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[Mapping[str, str]] = []
    monkeypatch.setattr(console, "Child", lambda *started: seen.append(started[2]))
    console.Console(8090, "http://127.0.0.1:8080").start({"HOST": "0.0.0.0"})  # noqa: S104
    assert [one["HOST"] for one in seen] == ["127.0.0.1"]


def test_compose_gives_its_port_to_the_machine_itself_and_only_where_it_is_asked_for() -> None:
    (compose,) = documents(read("compose.yml"))
    found = compose["services"]["console"]
    assert (found["ports"], found["profiles"]) == (["127.0.0.1:8090:8090"], ["console"])
    # It is reached from other containers too: without an https address it refuses to start.
    assert found["environment"]["RECEIVER_CONSOLE_URL"] == "${RECEIVER_CONSOLE_URL:-}"
    others = [one for name, one in compose["services"].items() if name != "console"]
    assert not any("8090" in str(one) for one in others)


def test_no_service_ingress_or_policy_lets_anybody_in_to_its_pod() -> None:
    for one in manifests():
        if one["kind"] in ("Service", "Ingress", "HTTPRoute", "Gateway"):
            assert "console" not in str(one), one["metadata"]
            assert "8090" not in str(one), one["metadata"]
    (policy,) = (
        one["spec"]
        for one in manifests()
        if one["kind"] == "NetworkPolicy" and one["metadata"]["name"] == "console"
    )
    assert (policy["policyTypes"], policy.get("ingress")) == (["Ingress", "Egress"], None)


@pytest.mark.parametrize("path", PROXIES)
def test_no_proxy_leads_to_it(path: str) -> None:
    assert "8090" not in read(path)
    assert "console" not in read(path)


def test_the_image_offers_no_port_of_it_and_heroku_starts_none() -> None:
    offered = re.findall(r"^EXPOSE (.+)$", read("Dockerfile"), re.MULTILINE)
    assert "8090" not in " ".join(offered)
    assert json.loads(read("heroku/app.json"))["formation"]["console"]["quantity"] == 0


def test_no_file_beside_these_names_its_port() -> None:
    known = {"compose.yml", "receiver-console.service", "console.yaml", "receiver.1"}
    files = (path for path in DEPLOY.rglob("*") if path.is_file() and path.name not in known)
    assert [path.name for path in files if "8090" in _text(path)] == []


def _text(path: Path) -> str:
    return path.read_text("utf-8", "replace")
