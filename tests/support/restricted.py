"""A user of a Valkey that may do everything but what a test takes from him."""

from typing import Any

import redis

from tests.support.valkey import Valkey


def restricted(valkey: Valkey, *rules: str) -> redis.Redis:
    """His client; the rules are of `ACL SETUSER`. Calling it again changes what he may do."""
    admin: Any = valkey.client()
    every = ("reset", "on", ">made-up", "~*", "&*", "+@all")
    admin.execute_command("ACL", "SETUSER", "narrow", *every, *rules)
    return valkey.client(username="narrow", password="made-up")
