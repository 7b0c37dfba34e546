"""Which of our promises the Redis in use cannot keep."""

from collections.abc import Mapping
from typing import Final

CONFIG_NAMES: Final = ("appendonly", "appendfsync", "maxmemory", "maxmemory-policy")
"""What to ask a server for."""


def weaknesses(config: Mapping[str, str]) -> list[str]:
    """What is wrong with a server's settings (CONFIG GET), one sentence each with its mend.

    An empty mapping (a managed server that hides CONFIG) is itself one weakness: nobody can tell.
    """
    if not config:
        return ["the server hides its settings (CONFIG GET): durability cannot be checked"]
    found = []
    if config.get("appendonly") != "yes":
        found.append("appendonly is off: what was acknowledged is lost with the server; turn it on")
    elif config.get("appendfsync") != "always":
        found.append(
            f"appendfsync is {config.get('appendfsync')}: up to two seconds of acknowledged "
            "notifications are lost with the machine's power; set it to always"
        )
    if config.get("maxmemory", "0") == "0":
        found.append("maxmemory is not set: the door cannot close before memory runs out; set it")
    elif config.get("maxmemory-policy") != "noeviction":
        found.append(
            f"maxmemory-policy is {config.get('maxmemory-policy')}: a full server throws away "
            "notifications; set it to noeviction"
        )
    return found
