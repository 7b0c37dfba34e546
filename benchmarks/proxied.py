"""Behind nginx with TLS, kept-alive connections: ours beside the empty endpoint.

nginx as `deploy/nginx` has it, less its limits and logs, which are the same for both. Needs nginx,
openssl and wrk. All processes share this machine's processors, so what each takes of them is said
too (Linux only).
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks import load
from benchmarks.ack import CONNECTIONS, WARM_UP
from benchmarks.calm import Result
from benchmarks.contenders import EMPTY, OURS, Contender, fresh
from benchmarks.cpu import loaded, spent
from benchmarks.load import Target, closed
from benchmarks.processes import Process, free_port, running, scratch, until
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
        client_header_buffer_size 4k;
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

_PROCESSES = {"web": "web", "nginx": "nginx", "store": "Valkey", "load": "load"}


def missing() -> str:
    """Return what is not installed; empty where it all is."""
    tools = {"nginx": _NGINX, "openssl": shutil.which("openssl"), "wrk": load.WRK}
    return ", ".join(name for name, found in tools.items() if not found)


def collect(rounds: int, seconds: float) -> list[Round]:
    """Measure both behind an nginx of their own."""
    return interleave([EMPTY, OURS], rounds, lambda each: measure(each, seconds))


def measure(contender: Contender, seconds: float) -> Result:
    """Return requests a second that come through, and microseconds of processor time that each
    takes: of the web process, nginx, Valkey and the load generator.
    """
    with fresh(contender) as behind, _front(behind.target) as (target, nginx):
        closed(replace(target, first=1), CONNECTIONS, WARM_UP)
        processes = {"web": behind.process, "nginx": nginx, "store": behind.server.process}
        since = {name: spent(process) for name, process in processes.items()}
        found = loaded(replace(target, first=5_000_000), seconds)
        return found | {name: took() / found["answered"] for name, took in since.items()}


def report(rounds: list[Round]) -> str:
    """Return the rates, ours over the empty endpoint's, and the rate that fills the processors."""
    rows = []
    for each in (EMPTY, OURS):
        costs = [values(rounds, each.letter, name) for name in _PROCESSES]
        sums = map(sum, zip(*costs, strict=True))
        full = [1e6 * len(os.sched_getaffinity(0)) / cost for cost in sums]
        rates = shown(values(rounds, each.letter, "rate"))
        rows.append([each.title, rates, *map(shown, costs), shown(full)])
    head = ["behind nginx with TLS", "requests/s", *(f"{who}, us" for who in _PROCESSES.values())]
    ratio = f"e / a: {shown(ratios(rounds, 'e', 'a'), 2)}."
    return "\n\n".join([table([*head, "processors full at"], rows), ratio, disturbance(rounds)])


@contextlib.contextmanager
def _front(target: Target) -> Iterator[tuple[Target, Process]]:
    port = free_port()
    with scratch() as directory:
        _certify(directory)
        config = directory / "nginx.conf"
        words = {"directory": directory, "upstream": target.port, "port": port}
        config.write_text(_CONFIG.format(**words), "utf-8")
        with running([str(_NGINX), "-c", str(config), "-p", str(directory)]) as process:
            until(lambda: (directory / "pid").exists(), process)
            yield replace(target, port=port, scheme="https"), process


def _certify(directory: Path) -> None:
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    command = ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt"]
    command += ["ec_paramgen_curve:P-256", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
