"""Checks the console's settings: who may reach it, and whom it believes."""

import ipaddress
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import redis

from receiver.config.settings import Settings
from receiver.contract.redis_keys import CONSOLE_SESSION, CONSOLE_SESSION_SECONDS
from receiver.doctor.finding import Finding
from receiver.runtime.loopback import is_loopback

WIDEST: Final = {4: 8, 6: 32}
"""IP version -> the shortest prefix of a network that one organisation has for itself."""


def check_console(settings: Settings) -> Iterator[Finding]:
    """Check where the console listens, the URL that people type, and the proxies it believes."""
    url, peers = settings.console_url, settings.console_proxy
    if url and urlsplit(url).scheme != "https" and not is_loopback(settings.host):
        yield Finding(
            "warning",
            f"HOST={settings.host} and RECEIVER_CONSOLE_URL is not https",
            "the console refuses to start: it would show personal data in clear",
            "RECEIVER_CONSOLE_URL=https://...  # what people type; then restart the console",
        )
    if peers and not url:
        yield Finding(
            "warning",
            "RECEIVER_CONSOLE_PROXY is set and RECEIVER_CONSOLE_URL is not",
            "the console answers 421 to what comes through the proxy",
            "RECEIVER_CONSOLE_URL=https://...  # what people type; then restart the console",
        )
    for peer in filter(_is_wide, peers):
        yield Finding(
            "serious",
            f"RECEIVER_CONSOLE_PROXY trusts {peer}",
            "whoever reaches the console from there may say that they are anybody",
            "RECEIVER_CONSOLE_PROXY=127.0.0.1  # the proxy's own address; then restart the console",
        )


def check_sessions(client: redis.Redis) -> Iterator[Finding]:
    """Count the open sessions, and find those that are not ours. Raises `redis.RedisError`."""
    keys: Any = list(client.scan_iter(f"{CONSOLE_SESSION}*", count=1000))
    pipe = client.pipeline(transaction=False)
    for key in keys:
        pipe.pttl(key)
    left = [found for found in pipe.execute() if found != _GONE]
    ours = [found for found in left if 0 <= found <= CONSOLE_SESSION_SECONDS * 1000]
    if ours:
        hours = (CONSOLE_SESSION_SECONDS * 1000 - min(ours)) / 3_600_000
        yield Finding(
            "note",
            f"sessions of the console that are open: {len(ours)}, the oldest for {hours:.1f} hours",
            "each shows what its role sees until twelve hours after its sign-in",
            "receiver console link --logout-all",
        )
    if wrong := len(left) - len(ours):
        yield Finding(
            "serious",
            f"sessions of the console that do not end within twelve hours: {wrong}",
            "the console makes none of these: somebody else wrote them into Redis",
            "receiver console link --logout-all  # and change Redis' password",
        )


_GONE: Final = -2


def _is_wide(peer: str) -> bool:
    try:
        network = ipaddress.ip_network(peer)
    except ValueError:
        return False
    return network.prefixlen < WIDEST[network.version]
