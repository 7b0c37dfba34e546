"""A `receiver console` in a process of its own, and somebody who has signed in."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import httpx2

from benchmarks import load
from benchmarks.console_store import SINK
from benchmarks.footprint import cpu_seconds
from benchmarks.processes import Process, Server, free_port, python, running, scratch, until
from receiver.console import sessions
from receiver.console.sessions import Link


@dataclass
class Console:
    """A console that runs, and somebody who has signed in."""

    process: Process
    port: int
    client: httpx2.Client

    def cookie(self) -> str:
        """Return the cookie of the session, as a header."""
        return "; ".join(f"{name}={value}" for name, value in self.client.cookies.items())

    def cpu(self) -> float:
        """Return the processor time of its threads so far, in milliseconds."""
        return 1e3 * cpu_seconds(self.process)


@contextmanager
def console(server: Server, target: load.Target) -> Iterator[Console]:
    """Run a console before a Valkey and a web process."""
    web = f"http://127.0.0.1:{target.port}"
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    environ = {"REDIS_URL": server.url}
    with scratch() as directory:
        (directory / "receiver.toml").write_text(
            f'[[listener]]\nname = "promo"\n[[sink]]\nname = "{SINK}"\nkind = "http"\n'
            'url = "https://consumer.example/events"\nsecrets_env = ["HOOK_SECRET"]\n'
        )
        environ |= {"RECEIVER_CONFIG": str(directory / "receiver.toml"), "HOOK_SECRET": "x"}
        command = python("-m", "receiver", "console", "--port", str(port), "--web", web)
        with (
            running(command, environ) as process,
            httpx2.Client(base_url=base, timeout=60) as client,
        ):
            until(lambda: _answers(client), process)
            token = sessions.make_link(server.client, Link("ada", "operator"))
            click = {"sec-fetch-site": "none", "sec-fetch-dest": "document"}
            client.get(f"/login?token={token}", headers=click)
            yield Console(process, port, client)


def _answers(client: httpx2.Client) -> bool:
    with suppress(httpx2.HTTPError):
        return client.get("/login").status_code == 200
    return False
