"""What an operator orders of a sink: start, pause, and be done with one that is gone."""

import redis

from receiver.contract.redis_keys import MARKS, SINKS, forward_group, sink_state
from receiver.runtime.server_time import server_time


def start(client: redis.Redis, name: str) -> bool:
    """Start a stopped sink again, due at once. Returns whether it was stopped."""
    was_stopped = client.hexists(sink_state(name), "stopped")
    client.delete(sink_state(name))
    return bool(was_stopped)


def pause(client: redis.Redis, name: str, reason: str) -> bool:
    """Stop a sink until somebody starts it. Returns whether it was not stopped before."""
    key = sink_state(name)
    if client.hexists(key, "stopped"):
        return False
    # Together: of a sink that is stopped and has no time nothing would ever be given up.
    client.hset(key, mapping={"stopped": reason, "stopped_at": str(server_time(client))})
    return True


def is_retired(client: redis.Redis, name: str) -> bool:
    """Return whether a worker has let go of a sink that has no consumer group: it has no mark."""
    return not client.hexists(MARKS, forward_group(name))


def retire_now(client: redis.Redis, name: str) -> None:
    """Have the next sweep of a worker retire a sink that no worker has configured, instead of a day
    after the last one had: what is being retried becomes dead letters, all else is let go.
    """
    client.hset(SINKS, f"{name}:configured", "0")
