"""The image that `deploy/Dockerfile` builds."""

import json
import re
import subprocess
import sys
from importlib.metadata import requires

from packaging.requirements import Requirement

from tests.support.commands import ROOT
from tests.support.deployed import run
from tests.support.fronts import DEPLOY, tool
from tests.support.running import Receiver

DOCKERFILE = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")


def instructions(name: str) -> list[str]:
    """The arguments of one kind of instruction in the Dockerfile."""
    return re.findall(rf"^{name} +(.*)$", DOCKERFILE, re.MULTILINE)


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


def test_the_image_is_built_with_what_the_build_backend_needs_and_no_more() -> None:
    [named] = re.findall(r"keep = /\^\((.*?)\)==/", DOCKERFILE)
    needed, new = set[str](), {"hatchling"}
    while new:
        needed |= new
        wanted = [Requirement(one) for name in new for one in requires(name) or []]
        new = {one.name for one in wanted if not one.marker or one.marker.evaluate()} - needed
    assert set(named.split("|")) == needed


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
