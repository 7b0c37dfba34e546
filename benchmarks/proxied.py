"""Behind nginx with TLS, kept-alive connections: ours beside the empty endpoint.

nginx as `deploy/nginx` has it, less its limits and logs, which are the same for both. Needs nginx,
openssl and wrk.
"""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks import load
from benchmarks.ack import CONNECTIONS, WARM_UP
from benchmarks.calm import Result
from benchmarks.contenders import EMPTY, OURS, Contender, fresh
from benchmarks.load import Target, closed
from benchmarks.processes import free_port, running, scratch, until
from benchmarks.rounds import Round, disturbance, interleave, ratios, shown, table, values

_NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
_CONFIG = """\
daemon off;
worker_processes 1;
pid {directory}/pid;
error_log {directory}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/f; uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
    upstream receiver {{ server 127.0.0.1:{upstream}; keepalive 64; }}
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {directory}/certificate.pem;
        ssl_certificate_key {directory}/key.pem;
        ssl_protocols TLSv1.2 TLSv1.3;
        keepalive_requests 1000000;
        proxy_request_buffering off;
        location / {{
            proxy_pass http://receiver;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
        }}
    }}
}}
"""


def missing() -> str:
    """Return what is not installed; empty where it all is."""
    tools = {"nginx": _NGINX, "openssl": shutil.which("openssl"), "wrk": load.WRK}
    return ", ".join(name for name, found in tools.items() if not found)


def collect(rounds: int, seconds: float) -> list[Round]:
    """Measure both behind an nginx of their own."""
    return interleave([EMPTY, OURS], rounds, lambda each: measure(each, seconds))


def measure(contender: Contender, seconds: float) -> Result:
    """Return requests a second that come through."""
    with fresh(contender) as behind, _front(behind.target) as target:
        closed(replace(target, first=1), CONNECTIONS, WARM_UP)
        return closed(replace(target, first=5_000_000), CONNECTIONS, seconds)


def report(rounds: list[Round]) -> str:
    """The rates, and ours over the empty endpoint's."""
    rows = [
        [f"({each.letter}) {each.name}", shown(values(rounds, each.letter, "rate"))]
        for each in (EMPTY, OURS)
    ]
    rows.append(["e / a", shown(ratios(rounds, "e", "a"), 2)])
    return table(["behind nginx with TLS", "requests/s"], rows) + "\n\n" + disturbance(rounds)


@contextlib.contextmanager
def _front(target: Target) -> Iterator[Target]:
    port = free_port()
    with scratch() as directory:
        _certify(directory)
        config = directory / "nginx.conf"
        words = {"directory": directory, "upstream": target.port, "port": port}
        config.write_text(_CONFIG.format(**words), "utf-8")
        with running([str(_NGINX), "-c", str(config), "-p", str(directory)]) as process:
            until(lambda: (directory / "pid").exists(), process)
            yield replace(target, port=port, scheme="https")


def _certify(directory: Path) -> None:
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    command = ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt"]
    command += ["ec_paramgen_curve:P-256", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
