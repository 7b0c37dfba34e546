"""A worker of the sink in a history, and what it makes of a delivery."""

import json
from typing import Final

from receiver.config.settings import RedisStreamSink
from receiver.contract.records import DeadLetter, Delivery
from tests.models.world import World
from workers.forward import outcomes
from workers.forward.delivery_queue import DeliveryQueue
from workers.forward.outcomes import Outcome
from workers.sinks.sink import Item

SINK: Final = RedisStreamSink(name="copy", stream="company:events", types=("wanted",))


class Worker:
    """One worker of the sink, and what it has leased and not settled."""

    def __init__(self, world: World, name: str) -> None:
        self.queue = DeliveryQueue(
            world.client, SINK.name, name, local_time=lambda: 1000 * world.local
        )
        self.held: list[Item] = []

    def restart(self) -> None:
        """Forget what it had; the next lease begins with what is open under its name."""
        self.held = []
        self.queue.recover()


def outcomes_of(item: Item, action: str) -> list[Outcome]:
    """Return the outcomes of a delivery where this happens to it."""
    one = item.delivery
    letter = DeadLetter(1, "told to", b"", SINK.name, one.event, one.attempts, one.entry)
    if not one.event:
        return [outcomes.unsent(item, letter)]
    if json.loads(one.event)["type"] != "wanted":
        return [outcomes.filtered(item)]
    if action == "left":
        return [outcomes.again(item, one) if item.retry else outcomes.left(item)]
    if action == "delivered":
        return [outcomes.delivered(item, "+")]
    if action == "run":
        return [outcomes.run(item, [("XADD", SINK.stream, "*", "entry", one.entry)])]
    if action in ("retry", "again"):
        again = Delivery(one.entry, one.event, 1, one.attempts + 1)
        return [
            outcomes.again(item, again)
            if action == "again"
            else outcomes.retry(item, 500, again, "-")
        ]
    if action == "refused":
        return [outcomes.refused(item, 500, Delivery(one.entry, one.event, 1, 1), letter)]
    if action == "dead":
        return [outcomes.dead(item, letter, "-")]
    if action == "unsent":
        return [outcomes.unsent(item, letter)]
    sink = outcomes.pause(5000) if action == "pause" else outcomes.stop("told to")
    return [sink, outcomes.again(item, one)]
