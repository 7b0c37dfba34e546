"""The body of a row of the spool: a batch in msgpack, as `[flusher, number, accepted, refused]`."""

import msgspec

from receiver.intake.inbound_writer import Batch

encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Batch).decode


def decode(body: bytes) -> Batch | None:
    """Return the batch of a body; None where it is none."""
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
