"""One test event to one sink, as its forward job would send it, and what became of it."""

import time
import uuid
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import redis

from receiver.config.settings import RqSink, Settings, SinkSettings
from receiver.contract.records import Delivery
from receiver.runtime import redis_client, redis_errors
from workers.sinks import open_sink
from workers.sinks.sink import TAKEN, Answer, Item, RemoteSink, TransactionalSink

TYPE: Final = "receiver.test.v1"
"""The type of test events: none that is published."""
_KEPT: Final[list[object]] = []
"""What was opened, until the process ends: libcurl, when freed, waits for a resolver that hangs."""
_SAYS: Final = "A test event of `receiver sinks test`: nothing has happened. Do nothing."


class Trial(msgspec.Struct, frozen=True):
    """Hold what became of a test event."""

    sink: str
    kind: str
    id: str
    """Of the event."""
    outcome: str
    """As `workers.sinks.sink.Answer` has it: taken, failed, refused, gone."""
    status: int
    """Of the HTTP response; 0 where there was none."""
    milliseconds: float
    reason: str
    """Why it was not taken; empty where it was."""
    answer: str
    """How the answer begins: a response's body, else the entry or the job that there is now."""


def send(settings: Settings, sink: SinkSettings) -> Trial:
    """Send a test event. It goes past the events stream, the sink's filter, its pauses and its
    ledger: no other sink gets it, and nothing counts it. Raises one of `redis_errors.DOWN` where
    our own Redis does not answer.
    """
    url = settings.redis_url or ""
    opened = open_sink(sink, url, settings.sink_variables)
    _KEPT.append(opened)
    item = _item(sink.name)
    begun = time.monotonic()
    if isinstance(opened, TransactionalSink):
        answer = _run(redis_client.client(url), opened, item)
    else:
        answer = _ask(opened, item)
    return Trial(
        sink=sink.name,
        kind=str(sink.__struct_config__.tag),
        id=item.id,
        outcome=answer.what,
        status=answer.status,
        milliseconds=round((time.monotonic() - begun) * 1000, 1),
        reason=answer.reason,
        answer=answer.body.decode("utf-8", "replace") or _place(sink, item, answer),
    )


def _item(sink: str) -> Item:
    now = datetime.now(UTC)
    at = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    name = f"test-{uuid.uuid4().hex}"
    event = {
        "specversion": "1.0",
        "id": name,
        "type": TYPE,
        "source": "/receiver/test",
        "time": at,
        "datacontenttype": "application/json",
        "test": True,
        "data": {"test": True, "sink": sink, "message": _SAYS},
    }
    milliseconds = int(now.timestamp() * 1000)
    entry = f"{milliseconds}-0"
    return Item(Delivery(entry, msgspec.json.encode(event), milliseconds), retry=False)


def _ask(sink: RemoteSink, item: Item) -> Answer:
    """Return the answer to one request."""
    until = time.monotonic() + 3 * sink.seconds + 1
    try:
        sink.send([item])
    except ValueError as error:  # what no header can hold
        return Answer("failed", str(error))
    while time.monotonic() < until:
        for _, answer in sink.answers(0.1):
            return answer
    return Answer("failed", "no answer")


def _run(client: redis.Redis, sink: TransactionalSink, item: Item) -> Answer:
    """Run the sink's commands on our own Redis, as one transaction."""
    for key, wanted in sink.guards:
        kind: Any = client.type(key)
        if kind not in (b"none", wanted.encode()):
            return Answer("failed", f"{key} is a {kind.decode()}, not a {wanted}")
    pipe = client.pipeline(transaction=True)
    for command in (*sink.opening, *sink.commands(item)):
        pipe.execute_command(*command)  # type: ignore[no-untyped-call]
    try:
        replies = pipe.execute()
    except redis.ResponseError as error:
        return Answer("failed", redis_errors.refusal(error))
    entry = next((one for one in replies if isinstance(one, bytes) and b"-" in one), b"")
    return msgspec.structs.replace(TAKEN, body=entry)


def _place(sink: SinkSettings, item: Item, answer: Answer) -> str:
    """Return the job's id where the event is one now."""
    taken = answer.what == "taken"
    return f"{item.id}-{sink.name}" if taken and isinstance(sink, RqSink) else ""


def run(settings: Settings, name: str) -> int:
    """Send a test event to the sink of this name, and print what became of it, as JSON. Returns the
    exit status: 0 if it was taken.
    """
    sink = next(sink for sink in settings.sinks if sink.name == name)
    try:
        done = send(settings, sink)
    except redis_errors.DOWN as error:
        kind, why = str(sink.__struct_config__.tag), redis_errors.refusal(error)
        done = Trial(name, kind, "", "failed", 0, 0, f"our own Redis: {why}", "")
    print(msgspec.json.encode(done).decode())
    return 0 if done.outcome == "taken" else 1
