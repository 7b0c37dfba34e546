"""Which addresses of a Redis are taken."""

from pathlib import Path

import pytest

from receiver.config.settings import SettingsError, load
from receiver.runtime.redis_client import fault
from tests.support.commands import run


@pytest.mark.parametrize(
    "option",
    [
        "socket_timeout=30",
        "socket_connect_timeout=30",
        "timeout=20",
        "retry_on_timeout=yes",
        "retry_on_error=x",
        "max_connections=1",
        "health_check_interval=30",
        "protocol=2",
        "decode_responses=true",
        "encoding=latin-1",
        "socket_timeout=",
    ],
)
@pytest.mark.parametrize("server", ["rediss://h:1/0", "unix:///s", "redis+sentinel://h/main"])
def test_an_option_on_which_our_promises_rest_is_refused_by_its_name(
    server: str, option: str
) -> None:
    name = option.partition("=")[0]
    said = fault(f"{server}?client_name=me&{option}")
    assert said == f"an option after the ? is not for you to set: {name}"


@pytest.mark.parametrize(
    "url",
    [
        "redis://h:1/0?client_name=me&socket_keepalive=no",
        "rediss://h:1/0?ssl_cert_reqs=none&ssl_check_hostname=no&ssl_min_version=771",
        "rediss://h:1/0?ssl_ca_certs=/ca.pem&ssl_certfile=/me.pem&ssl_keyfile=/me.key",
        "unix:///run/valkey.sock?db=2&username=me&password=made-up",
        "redis+sentinel://h/main?sentinel_username=me&sentinel_password=made-up",
    ],
)
def test_an_option_that_says_where_and_who_is_taken(url: str) -> None:
    assert fault(url) == ""


@pytest.mark.parametrize(
    "url",
    [
        "redis://:1?made-up@h",  # a password with a ? that is not escaped
        "redis://:1?made-up=2@h",
        "redis://h?sentinel_password=made-up",
        "redis://h?password=a&made-up=1",
    ],
)
def test_an_unknown_option_is_refused_and_not_shown(url: str) -> None:
    said = fault(url)
    assert said.startswith("an option after the ? is none of db, ")
    assert "made-up" not in said


@pytest.mark.parametrize("url", ["redis://h?ssl_cert_reqs=none", "rediss://h?ssl_validate_ocsp=1"])
def test_an_option_for_tls_that_one_of_our_connections_lacks_is_refused(url: str) -> None:
    assert fault(url).startswith("an option after the ? is unknown there: 'ssl_")


def test_the_address_of_a_sink_is_held_to_the_same(tmp_path: Path) -> None:
    file = tmp_path / "receiver.toml"
    file.write_text(
        '[[sink]]\nname = "a"\nkind = "rq"\nqueue = "q"\nfunction = "a.b"\n'
        'redis_url = "redis://h?decode_responses=true"\n'
    )
    with pytest.raises(SettingsError, match="redis_url: an option after the "):
        load({"RECEIVER_CONFIG": str(file)})


def test_the_address_that_a_simulation_reads_is_held_to_the_same(tmp_path: Path) -> None:
    options = ["--token", "t", "--url", "http://127.0.0.1:1", "--redis-url", "redis://h?timeout=9"]
    answer = run(tmp_path, "simulate", *options)
    assert answer.returncode == 2
    assert answer.stderr.startswith("receiver: --redis-url: an option after the ? is not for")
