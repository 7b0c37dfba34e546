"""What the commands find around them: settings, the Redis in use, the demo's token."""

import os
import socket

import click
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from receiver import settings as settings_module
from receiver.settings import Settings, SettingsError


class Refused(click.ClickException):
    """The command cannot do what was asked: one sentence on stderr, exit code 2."""

    exit_code = 2

    def show(self, file: object = None) -> None:
        """Print the sentence."""
        click.echo(f"receiver: {self.message}", err=True)


def settings() -> Settings:
    """The settings, or one sentence about the bad one."""
    try:
        return settings_module.load(os.environ)
    except SettingsError as error:
        raise Refused(str(error)) from None


def settings_of_a_half(name: str) -> Settings:
    """For `web` and `worker`, which never guess where Redis is."""
    found = settings()
    if not found.redis_url:
        raise Refused(
            f"REDIS_URL is not set: `receiver {name}` needs a Redis of yours, such as "
            "REDIS_URL=redis://localhost:6379/0 (`receiver up` brings one along)"
        )
    return found


def redis_url(found: Settings) -> str:
    """`REDIS_URL`, or else where `receiver up` keeps its embedded server."""
    file = found.data_dir / "redis-url"
    try:
        return found.redis_url or file.read_text("ascii").strip()
    except OSError:
        raise Refused(
            f"which Redis? REDIS_URL is not set and there is no {file}: start `receiver up`, or "
            "set REDIS_URL (or RECEIVER_DATA_DIR, if `receiver up` runs elsewhere)"
        ) from None


def connect(url: str) -> redis.Redis:
    """A client that fails fast and retries nothing by itself."""
    try:
        return redis.Redis.from_url(url, socket_timeout=5, retry=Retry(NoBackoff(), 0))
    except ValueError as error:
        raise Refused(f"REDIS_URL: {error}") from None


def base_url(found: Settings) -> str:
    """Where this machine reaches the web half."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(found.host, found.host)  # noqa: S104
    return f"http://{host}:{found.port}"


def refuse_taken_port(found: Settings) -> None:
    """Say it in one sentence, instead of a server's stack of log lines."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            found.host, found.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise Refused(
            f"HOST={found.host} PORT={found.port}: {error.strerror}; set another PORT or HOST"
        ) from None
