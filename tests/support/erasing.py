"""Two persons, messages of theirs and what normalises and erases them, in this process."""

import json
from typing import Any

from receiver.config.settings import Settings
from receiver.contract.records import Notification, encode
from receiver.contract.redis_keys import INBOUND, LEDGER
from receiver.erasure.erase import Eraser, Report
from receiver.erasure.person import Person
from workers.normalise.job import Normaliser

HER = "+12065550100"
HIS = "+12065550199"
SETTINGS = Settings()


def accept(client: Any, *bodies: bytes, listener: str = "default") -> None:
    for body in bodies:
        receipt = f"{client.hincrby(LEDGER, 'accepted', 1):027x}"
        one = Notification("att.sms.mo", listener, receipt, 1, "application/json", body)
        client.xadd(INBOUND, {"n": encode(one)})


def message(sender: str, text: str = "hello") -> bytes:
    body = {"SenderAddress": sender, "Message": text, "DestinationAddress": "52345678"}
    return json.dumps({"InboundSmsMessage": body}).encode()


def work(client: Any) -> None:
    Normaliser(client, "one-0", SETTINGS, lambda: False).run()


def erase(client: Any, *numbers: str, **more: Any) -> Report:
    person = Person(numbers or (HER,), SETTINGS)
    return Eraser(client, person, (), open_seconds=0.5).run(**more)


def everything(client: Any) -> bytes:
    """All that any stream or hash has."""
    found = []
    for key in client.scan_iter():
        kind = client.type(key)
        if kind == b"stream":
            found += [value for _, fields in client.xrange(key) for value in fields.values()]
        elif kind == b"hash":
            found += [word for pair in client.hgetall(key).items() for word in pair]
    return b"\n".join(sorted(found))
