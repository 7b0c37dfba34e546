"""A trace that a sender begins, and the sinks that it goes on to."""

from pathlib import Path

from tests.support.consumer import Consumer
from tests.support.running import AUTHORIZED

TRACE, SPAN = "ab" * 16, "cd" * 8
PARENT = f"00-{TRACE}-{SPAN}-01"
TRACED = AUTHORIZED | {"traceparent": PARENT, "tracestate": "vendor=opaque"}
SINKS = """
[[sink]]
name = "hook"
kind = "http"
url = "{url}"
allow = ["{netloc}"]
mode = "{mode}"

[[sink]]
name = "copy"
kind = "redis-stream"
stream = "copy"
"""


def write_sinks(directory: Path, consumer: Consumer, mode: str = "structured") -> None:
    text = SINKS.format(url=consumer.url, netloc=consumer.netloc, mode=mode)
    (directory / "receiver.toml").write_text(text)
