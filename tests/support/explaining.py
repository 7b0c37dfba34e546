"""Notifications with receipts of their own, to be normalised and explained in this process."""

import time
from typing import Any

import redis

from receiver.config.settings import Settings
from receiver.contract.records import Notification, encode
from receiver.contract.redis_keys import INBOUND
from receiver.operations.explain import Story
from workers.normalise.job import Normaliser

NUMBER = "2125550123"


def receipt(number: int, *, ago: int = 0) -> str:
    return f"{time.time_ns() // 1_000_000 - ago:011x}a1b2c3d4{number:08x}"


def accept(client: redis.Redis, name: str, body: bytes) -> str:
    now = int(name[:11], 16)
    notification = Notification("att.sms.mo", "promo", name, now, "application/json", body)
    entry: Any = client.xadd(INBOUND, {"n": encode(notification)})
    return str(entry.decode())


def work(client: redis.Redis) -> None:
    Normaliser(client, "one", Settings(), lambda: False).run()


def told(story: Story) -> list[str]:
    return [line.what for line in story.lines]
