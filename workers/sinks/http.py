"""The `http` sink: CloudEvents over HTTP, signed as Standard Webhooks has it.

CloudEvents HTTP protocol binding 1.0.2, sections 3.1 to 3.3; Standard Webhooks specification 1.0.0:
`webhook-id`, `webhook-timestamp`, `webhook-signature`.
"""

import hashlib
import string
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

import msgspec
from standardwebhooks import Webhook

from receiver.config.settings import HttpSink
from workers.sinks.http_client import Endpoint, Reply
from workers.sinks.sink import TAKEN, Answer, Item

TRY_AGAIN: Final = frozenset({408, 425, 429})
"""Statuses that are retried (RFC 9110 section 15.5.9, RFC 8470, RFC 6585)."""
PRINTABLE: Final = "".join(set(string.printable) - set(string.whitespace) - set('"%'))

_attributes = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Http:
    """Post events one by one or in batches; success is a 2xx and nothing else."""

    def __init__(self, sink: HttpSink, variables: Mapping[str, str]) -> None:
        self._mode = sink.mode
        self._signers = [Webhook(variables[name]) for name in sink.secrets_env]
        self._headers = {"user-agent": "telecom-receiver"} | {
            name.lower(): variables[variable] for name, variable in sink.headers_env.items()
        }
        self._endpoint = Endpoint(sink)
        self.batch_size = sink.batch_size if sink.mode == "batch" else 1
        self.concurrency = sink.concurrency
        self.seconds = sink.timeout

    def send(self, items: list[Item]) -> None:
        """Send one request. Raises `ValueError` or `msgspec.DecodeError` for what is no event."""
        headers, body = self._request(items)
        if items[0].trace:
            headers |= _traced(items[0].trace)
        self._endpoint.post(items, body, self._headers | headers)

    def answers(self, seconds: float) -> list[tuple[list[Item], Answer]]:
        """Return the answered requests; a connection that broke is a failed attempt."""
        return [(items, _meaning(reply)) for items, reply in self._endpoint.answers(seconds)]

    def _request(self, items: Sequence[Item]) -> tuple[dict[str, str], bytes]:
        if self._mode == "batch":
            name = hashlib.blake2b("\n".join(x.id for x in items).encode(), digest_size=16)
            body = b"[" + b",".join(item.document for item in items) + b"]"
            kind = "application/cloudevents-batch+json; charset=utf-8"
            return self._signed(name.hexdigest(), body) | {"content-type": kind}, body
        if self._mode == "binary":
            headers, body = _binary(items[0].document)
            return self._signed(items[0].id, body) | headers, body
        body = items[0].document
        kind = "application/cloudevents+json; charset=utf-8"
        return self._signed(items[0].id, body) | {"content-type": kind}, body

    def _signed(self, name: str, body: bytes) -> dict[str, str]:
        """Return the Standard Webhooks headers; a signature for each secret, in their order."""
        now = datetime.now(UTC)
        headers = {"webhook-id": name, "webhook-timestamp": str(int(now.timestamp()))}
        if self._signers:
            text = body.decode()
            signatures = [signer.sign(name, now, text) for signer in self._signers]
            headers["webhook-signature"] = " ".join(signatures)
        return headers


def _meaning(reply: Reply) -> Answer:
    if isinstance(reply, str):
        return Answer("failed", reply)
    meaning = _answer(reply.status, reply.pause)
    return msgspec.structs.replace(meaning, status=reply.status, body=reply.body)


def _answer(status: int, pause: float) -> Answer:
    """Return what an HTTP status means for the delivery. Redirects are not followed: refused."""
    if 200 <= status < 300:
        return TAKEN
    if status == 410:
        return Answer("gone", "answered 410: it wants no more events")
    if status in TRY_AGAIN or status >= 500:
        return Answer("failed", f"answered {status}", pause)
    what = f"answered {status}"
    return Answer("refused", f"{what}: redirects are not followed" if status < 400 else what)


def _binary(document: bytes) -> tuple[dict[str, str], bytes]:
    """Return headers and body in binary mode, percent-encoded by section 3.1.3.2 of the binding."""
    attributes = _attributes(document)
    data = bytes(attributes.pop("data", msgspec.Raw(b"")))
    kind = attributes.pop("datacontenttype", None)
    headers = {f"ce-{name}": _header(value) for name, value in attributes.items()}
    return headers | {"content-type": _text(kind) if kind else "application/json"}, data


def _traced(trace: str) -> dict[str, str]:
    """Return the headers of W3C Trace Context."""
    parent, _, state = trace.partition(" ")
    return {"traceparent": parent} | ({"tracestate": state} if state else {})


def _header(value: msgspec.Raw) -> str:
    return quote(_text(value), safe=PRINTABLE)


def _text(value: msgspec.Raw) -> str:
    decoded: Any = msgspec.json.decode(value)
    return decoded if isinstance(decoded, str) else bytes(value).decode()
