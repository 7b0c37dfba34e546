"""HOST may be an address of IPv6: what is printed and used then is a URL."""

import json
import signal
from pathlib import Path

import pytest

from receiver.cli.terminal.setup import base_url
from receiver.config.settings import Settings
from tests.support.commands import free_port, has_ipv6, run
from tests.support.up import KINDS, Up


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("::1", "http://[::1]:8080"),
        ("fe80::1", "http://[fe80::1]:8080"),
        ("::", "http://[::1]:8080"),
        ("0.0.0.0", "http://127.0.0.1:8080"),  # noqa: S104
        ("localhost", "http://localhost:8080"),
    ],
)
def test_the_url_of_the_web_process(host: str, url: str) -> None:
    assert base_url(Settings(host=host, port=8080)) == url


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no loopback of IPv6")
@pytest.mark.parametrize("port", ["", "0"])
def test_up_works_on_an_address_of_ipv6(tmp_path: Path, port: str) -> None:
    with Up(tmp_path, HOST="::1", PORT=port or str(free_port())) as up:
        assert {event["type"] for event in up.events(3)} == KINDS
        if not port:
            assert up.send("roaming")
            done = run(tmp_path, "status", "--json", **up.environ)
            web = json.loads(done.stdout)["web"]
            assert (web["url"], web["status"]) == (f"http://[::1]:{up.environ['PORT']}", 200)
        assert up.end(signal.SIGINT) == 0
        assert "Traceback" not in up.said()
