"""From what `lease.lua` returns of one delivery to an item, whatever stands in Redis."""

import re
from typing import Final

from receiver.contract.records import Delivery, decode_delivery
from receiver.contract.stored_values import decoded
from workers.sinks.sink import Item

_is_entry: Final = re.compile(rb"[0-9]{1,20}-[0-9]{1,20}").fullmatch
_NOWHERE: Final = "0-0"
"""The entry of what has no name that an entry could have."""


def item(retry: bytes, name: bytes, payload: bytes) -> Item:
    """Return the item of a delivery: whether it is a retry, its name, and its event or, of a retry,
    the encoded delivery. What somebody else wrote among the retries is `foreign`.
    """
    entry = name.decode() if _is_entry(name) else _NOWHERE
    plain = Delivery(entry, payload, 0)
    if retry != b"1":
        return Item(plain, retry=False)
    known = decoded(decode_delivery, payload) if payload else plain
    if known and known.entry.encode() == name:
        return Item(known, retry=True)
    foreign = Item(plain, retry=True)
    foreign.foreign = name
    return foreign
