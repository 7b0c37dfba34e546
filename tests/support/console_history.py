"""Samples of made-up hours, as the workers' sweep takes them."""

import math

import redis

from receiver.contract.records import Sample, encode
from receiver.contract.redis_keys import HISTORY
from receiver.metrics.counters import BOUNDS, PUBLISHED

MINUTE = 60_000


def fill_history(client: redis.Redis, minutes: int, now: int) -> None:
    """A sample for each of the last minutes until `now` (ms): a day's swing of traffic, and a
    while in which a consumer did not answer.
    """
    last = now - now % MINUTE
    buckets = [0] * (len(BOUNDS[PUBLISHED]) + 1)
    accepted = failed = waiting = 0
    pipe = client.pipeline(transaction=False)
    for number in range(minutes):
        swing = 1 + math.sin(number / 97) / 2 + math.sin(number / 13) / 6
        came = int(300 * swing)
        away = 0.55 < number / minutes < 0.63
        accepted += came
        waiting = waiting + came if away else max(3, waiting - 900)
        failed += 12 if away else 0
        buckets[1] += came // 2
        buckets[2] += came // 2
        buckets[3 + number // 60 % 2] += came // 12
        one = Sample(accepted, 0, 0, failed, 3, waiting, list(buckets))
        at = last - (minutes - 1 - number) * MINUTE
        pipe.xadd(HISTORY, {"s": encode(one)}, id=f"{at}-0")
    pipe.execute()
