"""Something of everything for the console to show: made by the code that makes it in earnest."""

import hashlib
import time

from receiver.auth import credential_store
from receiver.auth.bearer import Credential
from receiver.config.settings import Settings
from receiver.console import audit
from receiver.contract.records import DeadLetter, Notification, Refusal, encode
from receiver.contract.redis_keys import (
    DEAD_LETTERS,
    EVENTS,
    HEARD,
    INBOUND,
    LEDGER,
    REJECTED,
    SINKS,
    sink_state,
)
from tests.support.running import mo
from tests.support.valkey import Valkey
from workers.normalise.job import Normaliser

NUMBER = "2065550142"
TEXT = "private words"


def receipt(number: int, at: int) -> str:
    """A receipt of a time in milliseconds."""
    return f"{at:011x}{number:016x}"


def accept(valkey: Valkey, number: int, body: bytes = b"", listener: str = "promo") -> str:
    """One notification on the stream, as the web process writes it; returns its receipt."""
    now = int(time.time() * 1000)
    name = receipt(number, now)
    body = body or mo(f"{TEXT} {number}", f"tel:+1{NUMBER}")
    one = Notification("att.sms.mo", listener, name, now, "application/json", body)
    pipe = valkey.client().pipeline()
    pipe.xadd(INBOUND, {"n": encode(one)})
    pipe.hincrby(LEDGER, "accepted", 1)
    pipe.hset(HEARD, listener, now)
    pipe.execute()
    return name


def work(valkey: Valkey) -> None:
    """Normalise what is there."""
    Normaliser(valkey.client(), "one", Settings(), lambda: False).run()


def bury(valkey: Valkey, count: int, reason: str = "no sender", sink: str = "") -> list[str]:
    """Dead letters, the newest a second old; their ids."""
    now, pipe = int(time.time() * 1000), valkey.client().pipeline()
    for number in range(count):
        body = mo(f"{TEXT} {number}", f"tel:+1{NUMBER}")
        name = receipt(number, now - 60_000)
        one = Notification("att.sms.mo", "promo", name, now - 60_000, "application/json", body)
        letter = DeadLetter(now - 1_000, reason, encode(one), sink)
        pipe.xadd(DEAD_LETTERS, {"d": encode(letter)})
    pipe.hincrby(LEDGER, "dead", count)
    pipe.hincrby(LEDGER, "accepted", count)
    return [entry.decode() for entry in pipe.execute()[:count]]


def fill(valkey: Valkey) -> str:
    """Something of everything; returns the receipt of a published one."""
    client = valkey.client()
    client.xgroup_create(EVENTS, "forward:billing", id="0", mkstream=True)
    client.hset(SINKS, mapping={"billing:begun": 0})
    why = "answered 410: it wants no more events"
    client.hset(sink_state("billing"), mapping={"stopped": why, "stopped_at": 1})
    names = [accept(valkey, n, listener=("promo", "alerts")[n % 2]) for n in range(12)]
    accept(valkey, 99, mo(f"{TEXT} 1", f"tel:+1{NUMBER}"))
    work(valkey)
    accept(valkey, 100)
    bury(valkey, 3)
    bury(valkey, 2, "answered 503 for 24 hours", "billing")
    now = int(time.time() * 1000)
    headers = [("content-type", "application/json"), ("user-agent", "made-up/1.0")]
    for number, reason in enumerate(["a field is missing: SenderAddress", "no JSON"]):
        name = receipt(200 + number, now)
        one = Refusal("att.sms.mo", "promo", name, now, 400, reason, headers, mo(TEXT))
        client.xadd(REJECTED, {"r": encode(one)})
    for label, days in (("att", 30), ("camara", 3), ("partner", 0)):
        now_s = time.time()
        token = hashlib.sha256(label.encode()).hexdigest()
        ends = now_s + days * 86_400 if days else None
        made = Credential(label=label, created=now_s - 86_400, expires=ends)
        credential_store.add(client, token, made)
    audit.write(client, "ada", "sink.stop", "billing")
    return names[-1]
