"""The proxies of `deploy/`, running for real before whatever listens on a port."""

import os
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.support.commands import ROOT, free_port, has_ipv6
from tests.support.eventually import eventually

DEPLOY = ROOT / "deploy"
NGINX_MAIN = """\
{user}daemon off;
error_log {directory}/main.error.log;
pid {directory}/pid;
events {{ worker_connections 512; }}
http {{
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/f; uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
    include {directory}/receiver.conf;
}}
"""


class Front:
    """One proxy: where it listens, and everything it has written."""

    def __init__(self, directory: Path, scheme: str) -> None:
        self.directory = directory
        self.port = free_port()
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self.pool = urllib3.PoolManager(retries=False, timeout=60, cert_reqs="CERT_NONE")

    def post(self, path: str, **options: Any) -> urllib3.BaseHTTPResponse:
        """Post through it; `Host` is the public name."""
        return self.pool.request("POST", self.url + path, **options)

    def written(self) -> str:
        """All its log files."""
        logs = [path for path in self.directory.rglob("*") if "log" in path.name and path.is_file()]
        return "".join(path.read_text("utf-8", "replace") for path in logs)

    def answers(self) -> bool:
        """Whether it listens."""
        try:
            return self.pool.request("GET", self.url + "/").status == 404
        except urllib3.exceptions.HTTPError:
            return False


def tool(name: str) -> str:
    """Where a program is; the test is skipped where it is not."""
    found = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")
    return found or pytest.skip(f"there is no {name} on this machine")


def nginx_files(front: Front, *upstreams: int) -> Path:
    """The file of `deploy/nginx` in a directory of the test's, with its ports and its paths."""
    directory = front.directory
    certificate(directory)
    servers = "\n    ".join(f"server 127.0.0.1:{port};" for port in upstreams)
    text = (DEPLOY / "nginx/receiver.conf").read_text()
    for old, new in {
        "listen 443 ssl;": f"listen 127.0.0.1:{front.port} ssl;",
        "listen [::]:443 ssl;": f"listen [::1]:{front.port} ssl;" if has_ipv6() else "",
        "server 127.0.0.1:8080;": servers,
        "/etc/nginx/tls/hooks.example.com": f"{directory}/tls",
        "/var/log/nginx": str(directory),
    }.items():
        assert old in text, old
        text = text.replace(old, new)
    (directory / "receiver.conf").write_text(text)
    main = directory / "nginx.conf"
    user = "user root root;\n" if os.geteuid() == 0 else ""
    main.write_text(NGINX_MAIN.format(directory=directory, user=user))
    return main


def certificate(directory: Path) -> None:
    """For a name that nobody asks about."""
    options = (
        "-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -keyout tls.key"
    )
    subprocess.run(
        [tool("openssl"), "req", *options.split(), "-out", "tls.pem", "-subj", "/CN=localhost"],
        cwd=directory,
        check=True,
        capture_output=True,
        timeout=60,
    )


@contextmanager
def nginx(directory: Path, *upstreams: int) -> Iterator[Front]:
    """nginx with our configuration."""
    front = Front(directory, "https")
    main = nginx_files(front, *upstreams)
    with _running([tool("nginx"), "-p", str(directory), "-c", str(main)], front):
        yield front


@contextmanager
def caddy(directory: Path, *upstreams: int) -> Iterator[Front]:
    """Caddy with our configuration, without TLS: its certificates come from elsewhere."""
    front = Front(directory, "http")
    program = tool("caddy")
    environ = {
        "RECEIVER_HOST": front.url,
        "RECEIVER_OTHERS": f"http://:{front.port}",
        "RECEIVER_UPSTREAM": " ".join(f"127.0.0.1:{port}" for port in upstreams),
        "CADDY_ADMIN": f"unix//{directory}/admin",
        "HOME": str(directory),
    }
    with _running([program, "run", "--config", str(DEPLOY / "caddy/Caddyfile")], front, environ):
        yield front


@contextmanager
def _running(
    command: list[str], front: Front, environ: dict[str, str] | None = None
) -> Iterator[None]:
    with (front.directory / "output.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=os.environ | (environ or {}), stdout=log, stderr=log, process_group=0
        )
    try:
        eventually(lambda: process.poll() is not None or front.answers())
        assert process.poll() is None, front.written()
        yield
    finally:
        process.terminate()
        process.wait(60)
        front.pool.clear()


def tls(front: Front) -> ssl.SSLContext | None:
    """How to speak to it on a bare socket; None: in the clear."""
    if front.url.startswith("http:"):
        return None
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
