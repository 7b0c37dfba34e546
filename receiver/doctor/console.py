"""Checks the console's settings: who may reach it, and whom it believes."""

import ipaddress
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from receiver.config.settings import Settings
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


def _is_wide(peer: str) -> bool:
    try:
        network = ipaddress.ip_network(peer)
    except ValueError:
        return False
    return network.prefixlen < WIDEST[network.version]
