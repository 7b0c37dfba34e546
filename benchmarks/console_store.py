"""A store as it is after a busy week, filled in a minute: what the console's pages are timed on.

    python -m benchmarks.console_store [--events 1000000] [--dead 100000]

keeps it as files, from which each run of `benchmarks.console` starts its Valkey.

Each document is made once by the code that makes it in earnest, and copied by a script in Valkey
with another number, receipt and time in it; none of their lengths change.
"""

import hashlib
import json
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from benchmarks import notifications
from benchmarks.notifications import MARK
from benchmarks.options import options
from benchmarks.processes import SCRATCH, valkey
from receiver.auth import credential_store
from receiver.auth.bearer import Credential
from receiver.carriers import CALLBACKS
from receiver.console import audit
from receiver.contract.records import (
    Attempt,
    DeadLetter,
    Notification,
    Refusal,
    Sample,
    encode,
)
from receiver.contract.redis_keys import (
    DEAD_LETTER_OWNERS,
    DEAD_LETTERS,
    DELIVERIES,
    EVENTS,
    GROUP,
    HEARD,
    HISTORY,
    INBOUND,
    LEDGER,
    REJECTED,
    SINKS,
    forward_group,
    sink_deliveries,
)
from workers.normalise.cloudevent import claim

KEPT: Final = SCRATCH / "console-store"
"""Where the files are."""
_ABOUT: Final = "store.json"
SINK: Final = "hook"
DAY: Final = 86_400_000
_AT: Final = "fffffffffff"
"""Stands for the time in a receipt."""
_RECEIPT: Final = f"{_AT}00000000{MARK}0"
_ID: Final = f"0{MARK}89abcdef0{MARK}8{MARK}"
_AT_ONCE: Final = 2_000
_SCRIPT: Final = (Path(__file__).parent / "console_store.lua").read_text("utf-8")
_SERVED: Final = next(each for each in CALLBACKS if each.name == "att.sms.mo")


@dataclass(frozen=True)
class Store:
    """What there is, by which the pages are asked for."""

    events: int
    dead: int
    now: int
    """When the newest was written, milliseconds since 1970."""

    def event(self, back: int) -> str:
        """Return the id of the event that stands so far back."""
        return _ID.replace(MARK, f"{self.events - 1 - back:07}")

    def receipt(self, client: Any, back: int) -> str:
        """Return the receipt of about that event's notification."""
        at = self.now - back * 7 * DAY // self.events
        ((_, fields),) = client.xrange(EVENTS, f"{at}", count=1)
        receipt: str = fields[b"event"].partition(b'"receiptid":"')[2][:27].decode()
        return receipt


def stored(directory: Path) -> Store:
    """Return what is in a directory that `keep` filled. Raises `SystemExit` where there is none."""
    try:
        return Store(**json.loads((directory / _ABOUT).read_text("utf-8")))
    except OSError:
        raise SystemExit(
            f"{directory}: fill it first, python -m benchmarks.console_store"
        ) from None


def keep(directory: Path, events: int, dead: int) -> None:
    """Fill a Valkey, and copy its files into a directory."""
    with valkey("everysec") as server:
        store = fill(server.client, events, dead)
        server.client.bgrewriteaof()
        while server.client.info("persistence")["aof_rewrite_in_progress"]:
            time.sleep(0.1)
        files = Path(str(server.client.config_get("dir")["dir"])) / "appendonlydir"
        shutil.rmtree(directory, ignore_errors=True)
        shutil.copytree(files, directory / files.name)
    (directory / _ABOUT).write_text(json.dumps(asdict(store)), "utf-8")


def fill(client: Any, events: int, dead: int) -> Store:
    """Write a week of events, a day of notifications, refusals, dead letters and a history."""
    now = int(time.time() * 1000) - 60_000
    store = Store(events, dead, now)
    _groups(client)
    first = events - events // 7
    _copies(client, EVENTS, "event", _event(), (0, events), now - 7 * DAY, 7 * DAY)
    _copies(client, INBOUND, "n", encode(_notification()), (first, events), now - DAY, DAY)
    _copies(client, DEAD_LETTERS, "d", encode(_letter()), (0, dead), now - 30 * DAY, 30 * DAY)
    _copies(client, REJECTED, "r", encode(_refusal()), (0, 10_000), now - DAY, DAY)
    _copies(client, DELIVERIES, "a", encode(_attempt(503)), (0, 100_000), now - DAY, DAY)
    _copies(client, sink_deliveries(SINK), "a", encode(_attempt(204)), (0, 200), now - DAY, DAY)
    _counts(client, events, dead)
    _history(client, now)
    for number in range(50):
        one = Credential(label=f"network-{number}", created=now / 1000, expires=now / 1000 + 9e6)
        credential_store.add(client, hashlib.sha256(b"%d" % number).hexdigest(), one)
    for number in range(1_000):
        audit.write(client, "ada", "reveal", f"{number:027x}")
    return store


def _groups(client: Any) -> None:
    for stream, group in ((INBOUND, GROUP), (EVENTS, forward_group(SINK))):
        client.xgroup_create(stream, group, id="0", mkstream=True)


def _copies(
    client: Any,
    stream: str,
    field: str,
    document: bytes,
    numbers: tuple[int, int],
    begin: int,
    length: int,
) -> None:
    count = numbers[1] - numbers[0]
    step = length / count
    for done in range(0, count, _AT_ONCE):
        many = min(_AT_ONCE, count - done)
        arguments = (field, document, MARK, numbers[0] + done, many, begin + done * step, step, _AT)
        client.eval(_SCRIPT, 1, stream, *arguments)
    groups = client.xinfo_groups(stream)
    for group in groups:
        last = client.xinfo_stream(stream)["last-generated-id"]
        client.xgroup_setid(stream, group["name"], last, entries_read=count)


def _notification() -> Notification:
    body = notifications.KINDS["message"].template.encode()
    return Notification(
        _SERVED.name, "promo", _RECEIPT, 1_760_000_000_000, "application/json", body
    )


def _event() -> bytes:
    came = _notification()
    body = came.body.replace(MARK.encode(), b"1234567")
    made = Notification(came.callback, came.listener, came.receipt, came.received, "", body)
    event = next(iter(_SERVED.normalise(made, ZoneInfo("UTC"))))
    document = claim(_SERVED, made, event, 0).document
    name = document.partition(b'"id":"')[2][:32]
    return document.replace(name, _ID.encode()).replace(b"1234567", MARK.encode())


def _letter() -> DeadLetter:
    why = "answered 503 for 72 hours"
    return DeadLetter(1_760_000_000_000, why, b"", SINK, _event(), 40, "1-1")


def _refusal() -> Refusal:
    headers = [("content-type", "application/json"), ("user-agent", "made-up/1.0")]
    body = notifications.KINDS["message"].template.encode()
    at, why = 1_760_000_000_000, "a field is missing: SenderAddress"
    return Refusal(_SERVED.name, "promo", _RECEIPT, at, 400, why, headers, body)


def _attempt(status: int) -> Attempt:
    reason = "" if status < 300 else f"answered {status}"
    return Attempt(SINK, f"176000{MARK}-0", 1, 1_760_000_000_000, 12, status, reason, b"x" * 200)


def _counts(client: Any, events: int, dead: int) -> None:
    for name in ("accepted", "published", "events"):
        client.hset(LEDGER, name, events)
    client.hset(SINKS, mapping={f"{SINK}:begun": 0, f"{SINK}:dead": dead})
    client.hset(SINKS, f"{SINK}:delivered", events - dead)
    client.hset(SINKS, f"{SINK}:failed_attempts", 40 * dead)
    client.hset(DEAD_LETTER_OWNERS, f"sink:{SINK}", dead)
    client.hset(HEARD, "promo", int(time.time() * 1000))


def _history(client: Any, now: int) -> None:
    pipe = client.pipeline(transaction=False)
    for number in range(2_880):
        one = Sample(100 * number, 0, 0, number, 3, number % 50, [10 * number] * 15)
        pipe.xadd(
            HISTORY, {"s": encode(one)}, id=f"{now - now % 60_000 - (2_880 - number) * 60_000}-0"
        )
    pipe.execute()


def main() -> None:
    """Run from the command line."""
    said = options(__doc__, store=KEPT, events=1_000_000, dead=100_000)
    keep(said.store, said.events, said.dead)


if __name__ == "__main__":
    main()
