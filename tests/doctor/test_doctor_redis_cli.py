"""The remedies of `receiver doctor` that ask Redis ask the one in use, however it is named."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from receiver.doctor import redis_cli
from tests.support.commands import free_port
from tests.support.examined import examined
from tests.support.fronts import tool
from tests.support.valkey import Valkey

SENTINEL = "redis+sentinel://:secret@s1:26379,s2:26380/ours/2"


@pytest.mark.parametrize(
    ("url", "master", "command"),
    [
        ("redis://redis:6379/0", None, 'redis-cli -u "$REDIS_URL" '),
        ("rediss://ada:secret@redis:6379/0", None, 'redis-cli -u "$REDIS_URL" '),
        ("redis://:secret@redis:6379/0", None, 'redis-cli -u "$REDIS_URL" --user default '),
        (
            "rediss://:secret@redis:6379/0?username=ada&ssl_cert_reqs=none",
            None,
            'redis-cli -u "$REDIS_URL" --user ada --insecure ',
        ),
        (
            "rediss://redis:6379/0?ssl_ca_certs=/etc/ca.pem",
            None,
            'redis-cli -u "$REDIS_URL" --cacert /etc/ca.pem ',
        ),
        (
            "rediss://redis:6379/0?ssl_cert_reqs=none",
            None,
            'redis-cli -u "$REDIS_URL" --insecure ',
        ),
        ("unix:///run/a%20b/s", None, "redis-cli -s '/run/a b/s' "),
        (
            "unix:///run/s?db=3&password=secret&username=ada",
            None,
            "redis-cli -s /run/s -n 3 --user ada --askpass ",
        ),
        (SENTINEL, ("10.0.0.5", 6380), "redis-cli -h 10.0.0.5 -p 6380 -n 2 --askpass "),
        (SENTINEL, None, "redis-cli -h s1 -p 26379 "),
        (
            "rediss+sentinel://ada:secret@[::1]/ours?ssl_ca_certs=/etc/ca.pem",
            ("::2", 6380),
            "redis-cli -h ::2 -p 6380 --tls --cacert /etc/ca.pem --user ada --askpass ",
        ),
    ],
)
def test_the_command_is_one_that_redis_cli_takes_and_shows_no_password(
    url: str, master: tuple[str, int] | None, command: str
) -> None:
    assert redis_cli.of(url, master) == command


def test_a_remedy_asks_the_server_that_was_examined(valkey: Valkey, tmp_path: Path) -> None:
    valkey.client().config_set("appendfsync", "everysec")
    found = examined(tmp_path, valkey.url)
    weak = next(one for what, one in found.items() if "appendfsync" in what)
    ask = f"redis-cli -s {valkey.socket} CONFIG SET appendfsync always"
    assert weak["fix"] == f"{ask}  # and write it into the server's own file"


def test_a_remedy_asks_the_server_of_receiver_up_by_its_file(
    valkey: Valkey, tmp_path: Path
) -> None:
    valkey.client().config_set("appendfsync", "everysec")
    file = tmp_path / "var/redis-url"
    file.parent.mkdir()
    file.write_text(valkey.url + "\n")
    found = examined(tmp_path, "")
    weak = next(one for what, one in found.items() if "appendfsync" in what)
    ask = 'redis-cli -u "$(cat var/redis-url)" --user default '
    assert weak["fix"].startswith(f"{ask}CONFIG SET appendfsync")


def test_redis_cli_gets_in_by_an_address_that_has_a_password_and_no_user(
    start_valkey: Callable[..., Valkey],
) -> None:
    tool("redis-cli")
    port = free_port()
    start_valkey(port=str(port)).client().config_set("requirepass", "secret")
    url = f"redis://:secret@127.0.0.1:{port}/0"
    said = subprocess.run(
        ["/bin/sh", "-c", redis_cli.of(url, None) + "CONFIG GET appendfsync"],
        env={**os.environ, "REDIS_URL": url},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "appendfsync" in said.stdout
