"""The list of what an installation is made of, for those who have to hand it in."""

import json
import re
import subprocess

import pytest

from receiver import __version__
from tests.support.commands import ROOT


@pytest.mark.soak
def test_the_sbom_has_each_pinned_package_with_version_and_licence() -> None:
    """The tools and packages come from the package index."""
    subprocess.run(
        ["/usr/bin/env", "make", "sbom"], cwd=ROOT, check=True, capture_output=True, timeout=600
    )
    sbom = json.loads((ROOT / "dist/sbom.json").read_bytes())
    root = sbom["metadata"]["component"]
    components = {_normal(one["name"]): one for one in sbom["components"]}
    lock = (ROOT / "requirements.lock").read_text()
    pins = re.findall(r"^([a-z0-9.-]+)==([^ ;]+) (;?)", lock, re.MULTILINE)
    everywhere = {name for name, _, marker in pins if not marker}
    assert (root["name"], root["version"]) == ("telecom-receiver", __version__)
    versions = {(name, one["version"]) for name, one in components.items()}
    assert versions <= {(name, version) for name, version, _ in pins}
    assert everywhere <= components.keys()
    assert [name for name, one in components.items() if not one["licenses"]] == []
    assert str(ROOT) not in json.dumps(sbom)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
