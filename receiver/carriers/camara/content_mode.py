"""CloudEvents' three content modes over HTTP (HTTP binding 1.0.2, section 3), recognised by the
content type first, and only then by headers.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from receiver.carriers.camara import binary_mode, content_type, fast_path
from receiver.carriers.camara.envelope import cloudevent
from receiver.carriers.carrier import MAX_REFUSED_ITEMS, Reading, RefusedItem, Rejected, Request
from receiver.carriers.formats.json_array import apart
from receiver.carriers.formats.json_body import readable, without_bom

_STRUCTURED: Final = "application/cloudevents"
_BATCHED: Final = "application/cloudevents-batch"
_JSON_FORMATS: Final = ("", "+json")

_items = msgspec.json.Decoder(list[msgspec.Raw]).decode


def read(request: Request) -> Reading:
    """Return one JSON body per notification. Raises `Rejected`, with 415 for a type that CAMARA
    does not use.
    """
    sent = content_type.parse(request.content_type)
    kind = sent.media_type
    # The batch type begins like the structured one.
    if kind.startswith(_BATCHED):
        _expect_json(kind.removeprefix(_BATCHED))
        return _batch(without_bom(content_type.in_utf8(request.body, sent.charset)))
    if kind.startswith(_STRUCTURED):
        _expect_json(kind.removeprefix(_STRUCTURED))
    elif binary_mode.is_binary(request):
        return Reading((binary_mode.rebuilt(request, sent),))
    elif not sent.is_json and not binary_mode.holds_json(sent, request.body):
        raise Rejected("content-type: neither JSON nor CloudEvents", 415)
    return _single(without_bom(content_type.in_utf8(request.body, sent.charset)))


def _expect_json(event_format: str) -> None:
    if event_format not in _JSON_FORMATS:
        raise Rejected("content-type: a CloudEvents format other than JSON", 415)


def _single(body: bytes) -> Reading:
    if fast_path.is_documented(body):
        return Reading((body,))
    value, body = readable(body)
    cloudevent(value)
    return Reading((body,))


def _batch(body: bytes) -> Reading:
    """Read a batch: bad items are refused one by one, the whole batch if none is good."""
    good: list[bytes] = []
    bad: list[RefusedItem] = []
    for index, item in enumerate(_split(body)):
        try:
            value, readable_item = readable(item)
            cloudevent(value)
            good.append(readable_item)
        except Rejected as fault:
            bad.append(RefusedItem(f"[{index}].{fault.reason}", item))
            if len(bad) > MAX_REFUSED_ITEMS:
                raise Rejected("body: too many bad items") from None
    if bad and not good:
        readable(body)  # what cannot be read is said of the whole
        raise Rejected(bad[0].reason)
    return Reading(tuple(good), tuple(bad))


def _split(body: bytes) -> Iterator[bytes]:
    """Yield the items of a batch. One that cannot be read spoils no other, as far as it can be told
    where it ends. Raises `Rejected`.
    """
    try:
        value, body = readable(body)
    except Rejected as fault:
        yield from apart(body, fault)
        return
    if type(value) is not list:
        raise Rejected("body: a JSON array is wanted")
    yield from map(bytes, _items(body))
