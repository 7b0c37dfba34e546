"""A body takes time in proportion to its length, whatever is in it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from receiver.carriers import CALLBACKS, att
from receiver.carriers.carrier import Callback, Rejected, Request
from tests.support.hostile import NUMBERS

LONG: Final = 10.0
"""Seconds: the largest body takes a part of one, and a minute where each character is tried as the
beginning of all that follow."""


@contextmanager
def soon() -> Iterator[None]:
    """Fail where what is done inside takes long."""
    began = time.process_time()
    yield
    assert time.process_time() - began < LONG


@pytest.mark.parametrize("body", NUMBERS, ids=["minus", "point", "exponent", "sign"])
@pytest.mark.parametrize(
    "callback", [*CALLBACKS, *att.POLLED], ids=lambda callback: str(callback.name)
)
@pytest.mark.parametrize("content_type", ["application/json", ""])
def test_a_long_number_that_is_none_is_refused(
    callback: Callback, content_type: str, body: bytes
) -> None:
    with soon(), pytest.raises(Rejected):
        callback.read(Request(content_type, (), body))
